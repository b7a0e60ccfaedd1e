import type { Clock, Timer } from '../../clock.ts';
import { backoff } from '../backoff.ts';

export interface KeyedQueueDeps {
  /** How many keys are worked on at once; one key never twice at once. */
  readonly concurrency: number;
  /** Brings the world to the present wish for a key. A rejection means: later again. */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Told of each rejection, with the milliseconds after which the key comes again. */
  readonly onError: (key: string, caught: unknown, waitMilliseconds: number) => void;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** As in other controllers: 5 ms, 10 ms, … about 17 minutes. */
const waits = { first: 5, most: 1_000_000 };

/**
 * Keys that want work. A key that is added while it waits is worked on once; one that is added while it is worked on
 * is worked on once more afterwards; one that failed comes again by itself, later each time.
 */
export class KeyedQueue {
  readonly #deps: KeyedQueueDeps;
  readonly #ready = new Set<string>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly due: number; readonly timer: Timer }>();
  readonly #failures = new Map<string, number>();
  readonly #ending = new AbortController();

  constructor(deps: KeyedQueueDeps) {
    this.#deps = deps;
  }

  /** Keys that wait or are worked on; those that wait for their time are not counted. */
  get depth(): number {
    return this.#ready.size + this.#working.size;
  }

  /** Keys that failed the last time. */
  get failing(): number {
    return this.#failures.size;
  }

  /** Has the key worked on, at once or after some time; of several times the earliest counts. */
  add(key: string, { afterMs = 0 }: { readonly afterMs?: number } = {}): void {
    if (this.#ending.signal.aborted) return;
    if (afterMs > 0) return this.#delay(key, afterMs);
    this.#undelay(key);
    if (this.#working.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#begin();
  }

  /** Resolves when nothing waits and nothing is worked on; keys that wait for their time do not count. */
  async drain(): Promise<void> {
    while (this.depth > 0) await Promise.all(this.#working.values());
  }

  /** Takes nothing more, tells the work under way to end, and resolves when it has. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#ready.clear();
    this.#again.clear();
    await Promise.all(this.#working.values());
  }

  #begin(): void {
    for (const key of this.#ready) {
      if (this.#working.size >= this.#deps.concurrency) return;
      this.#ready.delete(key);
      this.#working.set(key, this.#workOn(key));
    }
  }

  async #workOn(key: string): Promise<void> {
    try {
      // What is added by the caller in the same turn belongs to this round.
      await Promise.resolve();
      await this.#deps.work(key, this.#ending.signal);
      this.#failures.delete(key);
    } catch (caught) {
      this.#failed(key, caught);
    } finally {
      this.#working.delete(key);
      if (this.#again.delete(key)) this.add(key);
      this.#begin();
    }
  }

  #failed(key: string, caught: unknown): void {
    if (this.#ending.signal.aborted) return;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const wait = backoff(failures, waits, this.#deps.random);
    this.#delay(key, wait);
    this.#deps.onError(key, caught, wait);
  }

  #delay(key: string, milliseconds: number): void {
    const due = this.#deps.clock.now() + milliseconds;
    const present = this.#delayed.get(key);
    if (this.#ready.has(key) || (present !== undefined && present.due <= due)) return;
    present?.timer.cancel();
    const timer = this.#deps.clock.after(milliseconds, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, timer });
  }

  #undelay(key: string): void {
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
  }
}
