import type { ClientDuplexStream } from '@grpc/grpc-js';
import type {
  AgentMessage,
  ConfigStreamServiceClient,
  OperatorMessage,
  Rejected,
  Report,
  Snapshot,
} from '@quiver/dataplane-api';
import type { Clock, Timer } from '../clock.ts';
import type { NodeIdentity } from '../config/last-good.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Backoff } from './backoff.ts';

export interface ConfigStreamDeps {
  readonly identity: NodeIdentity;
  readonly agentVersion: string;
  readonly dial: () => Promise<ConfigStreamServiceClient>;
  readonly clock: Clock;
  /** Numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Digest of the configuration in force, empty when there is none. */
  readonly digest: () => string;
  readonly received: (snapshot: Snapshot) => void;
  /** A stream is there, or gone. */
  readonly changed: () => void;
}

/** Whether the operator is reached, and since when it is as it is. */
export interface LinkState {
  readonly isConnected: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why there is no connection. */
  readonly reason: string;
}

/** Keeps one stream to the operator, for ever. Reconnecting is the same as connecting. */
export class ConfigStream {
  readonly #deps: ConfigStreamDeps;
  readonly #backoff: Backoff;
  #attempt: Attempt | undefined;
  #timer: Timer | undefined;
  #state: LinkState;
  #isClosed = false;

  constructor(deps: ConfigStreamDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.random);
    this.#state = { isConnected: false, since: deps.clock.now(), reason: 'not connected yet' };
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    this.#connect();
  }

  acknowledge(version: bigint): void {
    this.#attempt?.send({ message: { $case: 'ack', value: { version } } });
  }

  reject(version: bigint, reasons: readonly Rejected[]): void {
    this.#attempt?.send({ message: { $case: 'nack', value: { version, reasons: [...reasons] } } });
  }

  /** False when there is no stream to send it on. */
  report(report: Report): boolean {
    if (!this.#state.isConnected || this.#attempt === undefined) return false;
    this.#attempt.send({ message: { $case: 'report', value: report } });
    return true;
  }

  /** Begins anew, so that the operator learns what is in force now. */
  reconnect(): void {
    this.#timer?.cancel();
    this.#attempt?.end();
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#attempt?.end();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const attempt = new Attempt(this.#deps, {
      connected: () => this.#connected(attempt),
      received: (message) => this.#received(attempt, message),
      ended: (reason) => this.#ended(attempt, reason),
    });
    this.#attempt = attempt;
    void attempt.begin();
  }

  #connected(attempt: Attempt): void {
    if (attempt !== this.#attempt) return;
    this.#turn({ isConnected: true, since: this.#deps.clock.now(), reason: '' });
    this.#deps.logger.info('connected to the operator');
  }

  #received(attempt: Attempt, { message }: OperatorMessage): void {
    if (attempt !== this.#attempt || message === undefined) return;
    switch (message.$case) {
      case 'snapshot':
        this.#backoff.reset();
        this.#deps.received(message.value);
        return;
      case 'refused': {
        const { code, message: reason } = message.value;
        attempt.end();
        this.#ended(attempt, `refused by the operator: ${reason} (${code})`);
        return;
      }
    }
  }

  #ended(attempt: Attempt, reason: string): void {
    if (attempt !== this.#attempt || this.#isClosed) return;
    this.#attempt = undefined;
    const before = this.#state;
    const since = before.isConnected ? this.#deps.clock.now() : before.since;
    this.#turn({ isConnected: false, since, reason });
    // The same reason again and again is one line.
    if (before.isConnected || before.reason !== reason)
      this.#deps.logger.warn('the operator is not reached, forwarding goes on with what is there', { reason });
    this.#timer = this.#deps.clock.after(this.#backoff.next(), () => this.#connect());
  }

  #turn(state: LinkState): void {
    this.#state = state;
    this.#deps.changed();
  }
}

interface AttemptListener {
  connected(): void;
  received(message: OperatorMessage): void;
  /** Once, unless `end` was called before. */
  ended(reason: string): void;
}

/** One connection with one stream. */
class Attempt {
  readonly #deps: ConfigStreamDeps;
  readonly #listener: AttemptListener;
  #client: ConfigStreamServiceClient | undefined;
  #call: ClientDuplexStream<AgentMessage, OperatorMessage> | undefined;
  #isOver = false;

  constructor(deps: ConfigStreamDeps, listener: AttemptListener) {
    this.#deps = deps;
    this.#listener = listener;
  }

  async begin(): Promise<void> {
    try {
      const client = await this.#deps.dial();
      if (this.#isOver) return client.close();
      this.#client = client;
      this.#open(client);
    } catch (caught) {
      this.#fail(messageOf(caught));
    }
  }

  send(message: AgentMessage): void {
    if (!this.#isOver) this.#call?.write(message);
  }

  end(): void {
    this.#isOver = true;
    this.#call?.on('error', () => undefined);
    this.#call?.cancel();
    this.#client?.close();
  }

  #open(client: ConfigStreamServiceClient): void {
    const call = client.connect();
    this.#call = call;
    call.on('data', (message: OperatorMessage) => {
      if (!this.#isOver) this.#listener.received(message);
    });
    call.on('error', (error: Error & { readonly details?: string }) => this.#fail(error.details ?? error.message));
    call.on('end', () => this.#fail('the operator ended the stream'));
    const { fabric, router, node } = this.#deps.identity;
    const hello = { fabric, router, node, agentVersion: this.#deps.agentVersion, digest: this.#deps.digest() };
    this.send({ message: { $case: 'hello', value: hello } });
    // An operator without news says nothing, so a connection that is ready must do.
    client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
      if (error === undefined && !this.#isOver) this.#listener.connected();
    });
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.end();
    this.#listener.ended(reason);
  }
}
