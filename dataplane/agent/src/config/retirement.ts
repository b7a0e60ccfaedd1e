import type { Clock, Timer } from '../clock.ts';
import type { ConfigStream } from '../config-stream/client.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface RetirementDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stream: Pick<ConfigStream, 'acknowledge' | 'reject' | 'reconnect'>;
  /** Takes everything off this node. May be called again when it failed. */
  readonly retire: () => Promise<void>;
}

const firstMilliseconds = 1_000;
const longestMilliseconds = 30_000;

/** The operator's order to give this node up: carried out once, tried again while it fails, answered as often as it comes. */
export class Retirement {
  readonly #deps: RetirementDeps;
  #version: bigint | undefined;
  #isDone = false;
  #isWorking = false;
  #isRejected = false;
  #failures = 0;
  #retry: Timer | undefined;
  #isStopped = false;

  constructor(deps: RetirementDeps) {
    this.#deps = deps;
  }

  get isOrdered(): boolean {
    return this.#version !== undefined;
  }

  /** The configuration of this version says so. */
  order(version: bigint): void {
    if (!this.isOrdered) this.#deps.logger.warn('the operator takes Quiver off this node');
    this.#version = version;
    this.#isRejected = false;
    if (this.#isDone) return this.#deps.stream.acknowledge(version);
    this.#retry?.cancel();
    void this.#try();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
  }

  async #try(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      await this.#deps.retire();
      this.#isDone = true;
    } catch (caught) {
      this.#failed(messageOf(caught));
    } finally {
      this.#isWorking = false;
    }
    if (this.#isDone && !this.#isStopped) this.#answer();
  }

  // A version is answered once: after a failure, the operator learns of the success by asking again over a new stream.
  #answer(): void {
    const { stream } = this.#deps;
    if (this.#isRejected || this.#version === undefined) stream.reconnect();
    else stream.acknowledge(this.#version);
  }

  #failed(message: string): void {
    const { clock, logger, stream } = this.#deps;
    logger.error('Quiver cannot be taken off this node yet; it is tried again', { reason: message });
    if (this.#version !== undefined && !this.#isRejected)
      stream.reject(this.#version, [{ code: 'RetirementFailed', field: 'retire', message }]);
    this.#isRejected = true;
    if (this.#isStopped) return;
    const wait = Math.min(firstMilliseconds * 2 ** this.#failures, longestMilliseconds);
    this.#failures += 1;
    this.#retry = clock.after(wait, () => void this.#try());
  }
}
