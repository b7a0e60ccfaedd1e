import { type ChannelCredentials, type ClientDuplexStream, type ClientOptions, credentials } from '@grpc/grpc-js';
import { type AgentMessage, ConfigStreamServiceClient, type Hello, type OperatorMessage } from '@quiver/dataplane-api';
import { Eventually } from './eventually.ts';

/** An agent's end of a real stream. */
export class StreamAgent {
  readonly messages = new Eventually<NonNullable<OperatorMessage['message']>>();
  readonly ends = new Eventually<string>();
  readonly #client: ConfigStreamServiceClient;
  readonly #stream: ClientDuplexStream<AgentMessage, OperatorMessage>;

  constructor(
    address: string,
    secured: ChannelCredentials = credentials.createInsecure(),
    options: ClientOptions = {},
    received: (message: NonNullable<OperatorMessage['message']>) => void = () => undefined,
  ) {
    this.#client = new ConfigStreamServiceClient(address, secured, options);
    this.#stream = this.#client.connect();
    this.#stream.on('data', ({ message }: OperatorMessage) => {
      if (message === undefined) return;
      this.messages.push(message);
      received(message);
    });
    this.#stream.on('error', (error: Error) => this.ends.push(error.message));
    this.#stream.on('end', () => this.ends.push('end'));
  }

  hello(more: Partial<Hello> = {}): void {
    const value = { fabric: 'corp', router: 'site-a', node: 'node1', agentVersion: '0.1.0', digest: '', ...more };
    this.say({ $case: 'hello', value });
  }

  say(message: NonNullable<AgentMessage['message']>): void {
    this.#stream.write({ message });
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
