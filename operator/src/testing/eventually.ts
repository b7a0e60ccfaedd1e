/** Collects what a callback is given, so that a test can wait for the first item that it is looking for. */
export class Eventually<T> {
  readonly seen: T[] = [];
  readonly #waiting = new Set<() => void>();

  readonly push = (item: T): void => {
    this.seen.push(item);
    for (const check of this.#waiting) check();
  };

  /** The first item, past or to come, that fits. */
  first(fits: (item: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.seen.find(fits);
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }
}
