import type { Clock, Timer } from '../clock.ts';

interface Due {
  at: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  #now: number;
  readonly #due = new Set<Due>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): Timer {
    return this.#add({ at: this.#now + milliseconds, every: undefined, run });
  }

  every(milliseconds: number, run: () => void): Timer {
    return this.#add({ at: this.#now + milliseconds, every: milliseconds, run });
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#due.size;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#now = next.at;
      if (next.every === undefined) this.#due.delete(next);
      else next.at += next.every;
      next.run();
    }
    this.#now = end;
  }

  #add(due: Due): Timer {
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  #nextUntil(end: number): Due | undefined {
    const [first] = [...this.#due].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
    return first;
  }
}
