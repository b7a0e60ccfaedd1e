/** When a target changes between healthy and not. */
export interface Thresholds {
  readonly failures: number;
  readonly successes: number;
}

/** Results of the probes of one target. Healthy until shown otherwise. */
export class TargetHealth {
  readonly #thresholds: Thresholds;
  #isHealthy = true;
  #against = 0;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Takes one result; true when the target changed. */
  note(isAnswered: boolean): boolean {
    if (isAnswered === this.#isHealthy) {
      this.#against = 0;
      return false;
    }
    this.#against += 1;
    const needed = this.#isHealthy ? this.#thresholds.failures : this.#thresholds.successes;
    if (this.#against < Math.max(needed, 1)) return false;
    this.#isHealthy = isAnswered;
    this.#against = 0;
    return true;
  }
}
