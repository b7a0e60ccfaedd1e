import { isDeepStrictEqual } from 'node:util';
import { sortedBy } from '../../ir/canonical.ts';

/** One object as it is kept. */
export interface Entry<T> {
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly value: T;
}

/** What happened to one object. An object made anew under an old name is `Deleted` first. */
export type Change<T> =
  | { readonly type: 'Added'; readonly entry: Entry<T> }
  | { readonly type: 'Updated'; readonly entry: Entry<T>; readonly before: Entry<T> }
  | { readonly type: 'Deleted'; readonly entry: Entry<T> };

/** What others may do with a store. */
export interface ReadableStore<T> {
  readonly size: number;
  get(key: string): Entry<T> | undefined;
  /** Everything, in order of the keys. The same array as long as no value changed. */
  values(): readonly T[];
  entries(): Iterable<Entry<T>>;
  /** Calls the listener after each change of a value; not when only the version moved. Gives the way to end it. */
  onChange(listener: (change: Change<T>) => void): () => void;
}

/** The last known state of all objects of one kind. */
export class Store<T> implements ReadableStore<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #onFailedListener: (caught: unknown) => void;
  #values: readonly T[] | undefined;

  /** `onFailedListener` is told what a listener threw; the other listeners and the store go on. */
  constructor(onFailedListener: (caught: unknown) => void) {
    this.#onFailedListener = onFailedListener;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Entry<T> | undefined {
    return this.#entries.get(key);
  }

  values(): readonly T[] {
    this.#values ??= sortedBy(this.#entries.values(), ({ key }) => key).map(({ value }) => value);
    return this.#values;
  }

  entries(): Iterable<Entry<T>> {
    return this.#entries.values();
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the newest state of an object. A value that is equal to the one before stays the very same. */
  put(entry: Entry<T>): void {
    const before = this.#entries.get(entry.key);
    if (before?.uid !== entry.uid) {
      if (before !== undefined) this.delete(before.key);
      this.#set(entry);
      return this.#tell({ type: 'Added', entry });
    }
    if (before.resourceVersion === entry.resourceVersion) return;
    if (isDeepStrictEqual(before.value, entry.value)) {
      this.#entries.set(entry.key, { ...entry, value: before.value });
      return;
    }
    this.#set(entry);
    this.#tell({ type: 'Updated', entry, before });
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#values = undefined;
    this.#tell({ type: 'Deleted', entry });
  }

  /** Deletes what is not named. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.delete(key);
  }

  #set(entry: Entry<T>): void {
    this.#entries.set(entry.key, entry);
    this.#values = undefined;
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (caught) {
        this.#onFailedListener(caught);
      }
    }
  }
}
