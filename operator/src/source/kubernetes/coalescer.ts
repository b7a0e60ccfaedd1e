import type { Clock, Timer } from '../../clock.ts';

export interface CoalescerDeps {
  readonly clock: Clock;
  /** Milliseconds without a further call after which it runs. */
  readonly quiet: number;
  /** Milliseconds after the first call at which it runs in any case. */
  readonly atMost: number;
  readonly run: () => void;
}

/** Makes one run of many calls that come close upon each other. */
export class Coalescer {
  readonly #deps: CoalescerDeps;
  #quiet: Timer | undefined;
  #last: Timer | undefined;

  constructor(deps: CoalescerDeps) {
    this.#deps = deps;
  }

  /** Something happened. */
  call(): void {
    const { clock, quiet, atMost } = this.#deps;
    this.#quiet?.cancel();
    this.#quiet = clock.after(quiet, () => this.#run());
    this.#last ??= clock.after(atMost, () => this.#run());
  }

  cancel(): void {
    this.#quiet?.cancel();
    this.#last?.cancel();
    this.#quiet = undefined;
    this.#last = undefined;
  }

  #run(): void {
    this.cancel();
    this.#deps.run();
  }
}
