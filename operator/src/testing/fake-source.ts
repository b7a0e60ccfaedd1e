import type { ResourceSource, Snapshot, Subscription } from '../source/resource-source.ts';

/** Resources that a test puts in. */
export class FakeSource implements ResourceSource {
  isClosed = false;
  #snapshot: Snapshot;
  #listener: ((snapshot: Snapshot) => void) | undefined;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription> {
    this.#listener = listener;
    listener(this.#snapshot);
    return Promise.resolve({ close: () => (this.isClosed = true) });
  }

  put(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#listener?.(snapshot);
  }
}
