const firstMilliseconds = 200;
const longestMilliseconds = 15_000;

/** Waiting times between attempts: doubling, and spread so that nodes do not come all at once. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives numbers from 0 up to, and without, 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure: between half of the full time and all of it. */
  next(): number {
    const full = Math.min(firstMilliseconds * 2 ** this.#failures, longestMilliseconds);
    this.#failures += 1;
    return Math.round(full * (0.5 + this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
