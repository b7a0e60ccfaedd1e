import type { Clock, Timer } from '../clock.ts';

interface Pending {
  due: number;
  readonly run: () => void;
  readonly every: number | undefined;
}

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  readonly #pending = new Set<Pending>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): Timer {
    return this.#add({ due: this.#now + milliseconds, run, every: undefined });
  }

  every(milliseconds: number, run: () => void): Timer {
    return this.#add({ due: this.#now + milliseconds, run, every: milliseconds });
  }

  /** Lets time pass and runs what falls due, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = next.due;
      if (next.every === undefined) this.#pending.delete(next);
      else next.due += next.every;
      next.run();
    }
    this.#now = end;
  }

  #add(pending: Pending): Timer {
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  #next(end: number): Pending | undefined {
    return [...this.#pending].filter(({ due }) => due <= end).sort((one, other) => one.due - other.due)[0];
  }
}
