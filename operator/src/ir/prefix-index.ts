import { type Prefix, truncate } from './prefix.ts';

/** Things filed under prefixes: found by the same prefix, or by one that lies inside. */
export class PrefixIndex<T> {
  readonly #places = new Map<string, T[]>();
  readonly #lengths = new Set<number>();

  add(prefix: Prefix, item: T): void {
    const key = keyOf(prefix);
    const place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, [item]);
    else place.push(item);
    this.#lengths.add(prefix.length);
  }

  /** What is filed under exactly this prefix. */
  at(prefix: Prefix): readonly T[] {
    return this.#places.get(keyOf(prefix)) ?? [];
  }

  /** What is filed under this prefix and every one that contains it, the longest first. */
  around(prefix: Prefix): readonly T[] {
    const lengths = [...this.#lengths].filter((length) => length <= prefix.length).sort((one, other) => other - one);
    return lengths.flatMap((length) => this.at(truncate(prefix, length)));
  }

  /** Everything, in order of filing by place. */
  *[Symbol.iterator](): Generator<T> {
    for (const place of this.#places.values()) yield* place;
  }
}

function keyOf({ family, base, length }: Prefix): string {
  return `${family} ${base.toString(36)} ${length}`;
}
