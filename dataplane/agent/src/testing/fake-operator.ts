import { once } from 'node:events';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  type Ack,
  type AgentMessage,
  ConfigStreamServiceService,
  type Hello,
  type Nack,
  type OperatorMessage,
  type Refused,
  type Report,
  type Snapshot,
} from '@quiver/dataplane-api';

type Call = ServerDuplexStream<AgentMessage, OperatorMessage>;

/** The operator's end of the stream, over a real socket; a test waits for what the agent says. */
export class FakeOperator {
  readonly #server = new Server();
  readonly #messages: AgentMessage[] = [];
  readonly #streams: Call[] = [];
  #wake = Promise.withResolvers<void>();

  static async listen(socket: string): Promise<FakeOperator> {
    const operator = new FakeOperator();
    operator.#server.addService(ConfigStreamServiceService, { connect: (call: Call) => operator.#accept(call) });
    await new Promise<void>((resolve, reject) => {
      operator.#server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    return operator;
  }

  send(snapshot: Snapshot): void {
    this.#current.write({ message: { $case: 'snapshot', value: snapshot } });
  }

  refuse(refused: Refused): void {
    this.#current.write({ message: { $case: 'refused', value: refused } });
  }

  /** Ends the stream, as an operator that restarts does. */
  async hangUp(): Promise<void> {
    const call = this.#current;
    call.end();
    await once(call, 'close');
  }

  hello(): Promise<Hello> {
    return this.#next('hello') as Promise<Hello>;
  }

  ack(): Promise<Ack> {
    return this.#next('ack') as Promise<Ack>;
  }

  nack(): Promise<Nack> {
    return this.#next('nack') as Promise<Nack>;
  }

  report(): Promise<Report> {
    return this.#next('report') as Promise<Report>;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  get #current(): Call {
    const call = this.#streams.at(-1);
    if (call === undefined) throw new Error('no agent has connected');
    return call;
  }

  #accept(call: Call): void {
    this.#streams.push(call);
    call.on('error', () => undefined);
    call.on('data', (message: AgentMessage) => {
      this.#messages.push(message);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
  }

  async #next(kind: NonNullable<AgentMessage['message']>['$case']): Promise<unknown> {
    for (;;) {
      const wake = this.#wake.promise;
      const index = this.#messages.findIndex(({ message }) => message?.$case === kind);
      if (index >= 0) return this.#messages.splice(index, 1)[0]?.message?.value;
      await wake;
    }
  }
}
