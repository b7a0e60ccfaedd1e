import { fromUnknown } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

/** Failures that are remembered; the oldest is forgotten. */
const maxRemembered = 1_000;

/** Tells failures of work that is tried again and again: the same failure of one object is one line until it is over. */
export class FailureLog {
  readonly #logger: Logger;
  readonly #told = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The work for an object failed. */
  failed(message: string, object: string, caught: unknown): void {
    const { code, message: reason } = fromUnknown(caught);
    if (this.#told.get(object) === reason) return;
    this.#told.set(object, reason);
    const [oldest] = this.#told.keys();
    if (this.#told.size > maxRemembered && oldest !== undefined) this.#told.delete(oldest);
    this.#logger.warn(message, { object, code, reason });
  }

  /** The work for an object succeeded. */
  succeeded(object: string): void {
    if (this.#told.delete(object)) this.#logger.info('written at last', { object });
  }
}
