import type { Clock, Timer } from '../../clock.ts';

/** Notices silence. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #onSilence: () => void;
  #last: number;
  #timer: Timer;

  /** Calls `onSilence` once, when there was no progress for `limit` milliseconds. */
  constructor(clock: Clock, limit: number, onSilence: () => void) {
    this.#clock = clock;
    this.#limit = limit;
    this.#onSilence = onSilence;
    this.#last = clock.now();
    this.#timer = this.#wait(limit);
  }

  progress(): void {
    this.#last = this.#clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #wait(milliseconds: number): Timer {
    return this.#clock.after(milliseconds, () => {
      const left = this.#limit - (this.#clock.now() - this.#last);
      if (left <= 0) this.#onSilence();
      else this.#timer = this.#wait(left);
    });
  }
}
