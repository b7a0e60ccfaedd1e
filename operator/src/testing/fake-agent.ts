import type { AgentMessage, Hello, OperatorMessage, Snapshot } from '@quiver/dataplane-api';
import type { AgentSession, AgentStream, Distributor } from '../distribute/distributor.ts';

/** An agent on a stream in memory. */
export class FakeAgent implements AgentStream {
  readonly certifiedUri: string | undefined;
  readonly certifiedName: string | undefined;
  readonly isLocal: boolean;
  readonly received: OperatorMessage[] = [];
  isEnded = false;
  /** While true, the stream takes nothing more after the next message. */
  isSlow = false;
  readonly #session: AgentSession;
  #drain: (() => void) | undefined;

  constructor(distributor: Distributor, certifiedUri?: string, certifiedName?: string) {
    this.certifiedUri = certifiedUri;
    this.certifiedName = certifiedName;
    this.isLocal = certifiedUri === undefined;
    this.#session = distributor.accept(this);
  }

  send(message: OperatorMessage): boolean {
    this.received.push(message);
    return !this.isSlow;
  }

  onDrain(run: () => void): void {
    this.#drain = run;
  }

  end(): void {
    this.isEnded = true;
  }

  drain(): void {
    this.isSlow = false;
    this.#drain?.();
  }

  say(message: NonNullable<AgentMessage['message']>): void {
    this.#session.receive({ message });
  }

  hello(more: Partial<Hello> = {}): void {
    const value = { fabric: 'corp', router: 'site-a', node: 'node1', agentVersion: '0.1.0', digest: '', ...more };
    this.say({ $case: 'hello', value });
  }

  ack(version: bigint): void {
    this.say({ $case: 'ack', value: { version } });
  }

  leave(): void {
    this.#session.closed();
  }

  get snapshots(): readonly Snapshot[] {
    return this.received.flatMap(({ message }) => (message?.$case === 'snapshot' ? message.value : []));
  }

  get refusals(): readonly string[] {
    return this.received.flatMap(({ message }) => (message?.$case === 'refused' ? message.value.code : []));
  }
}
