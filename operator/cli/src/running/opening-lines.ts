import type { Clock } from '@quiver/agent';

const patienceMilliseconds = 2_000;

/**
 * Holds back what is told while a router starts, until its node is connected: that nothing is ready before is no news.
 * Of several lines about one thing, the last is told.
 */
export class OpeningLines {
  readonly #node: string;
  readonly #write: (line: string) => void;
  readonly #held = new Map<string, string>();
  readonly #patience: { cancel(): void };
  #isOpen = false;

  constructor(node: string, write: (line: string) => void, clock: Pick<Clock, 'after'>) {
    this.#node = node;
    this.#write = write;
    this.#patience = clock.after(patienceMilliseconds, () => this.open());
  }

  readonly print = (line: string): void => {
    if (this.#isOpen) return this.#write(line);
    const subject = subjectOf(line);
    this.#held.delete(subject);
    this.#held.set(subject, line);
    // Everything that is told in one breath with it is news, too.
    if (line.startsWith(`Node ${this.#node}: connected`)) queueMicrotask(() => this.open());
  };

  /** Tells what was held back, and holds nothing any more. */
  open(): void {
    this.#patience.cancel();
    if (this.#isOpen) return;
    this.#isOpen = true;
    for (const line of this.#held.values()) this.#write(line);
    this.#held.clear();
  }
}

function subjectOf(line: string): string {
  return /^(\w+ \S+): (?:Ready=|connected|not connected|removed)/.exec(line)?.[1] ?? line;
}
