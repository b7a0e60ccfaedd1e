interface Slot {
  readonly parts: readonly unknown[];
  readonly value: unknown;
}

/**
 * What the translation found out before about objects that are still the same. It saves time and changes no result: a value is
 * taken again only while everything that it was made of is the same object.
 */
export class Memory {
  readonly #ofObjects = new WeakMap<object, Map<string, Slot>>();
  readonly #ofWhole = new Map<string, Slot>();

  /** What `make` gave for this object the last time, while the parts are the same. */
  recall<T>(owner: object, what: string, parts: readonly unknown[], make: () => T): T {
    const slots = this.#ofObjects.get(owner) ?? new Map<string, Slot>();
    this.#ofObjects.set(owner, slots);
    return recallIn(slots, what, parts, make);
  }

  /** The same for what is made of whole lists: they are compared by their elements. */
  recallWhole<T>(what: string, lists: readonly (readonly unknown[])[], make: () => T): T {
    return recallIn(this.#ofWhole, what, [...lists.map(({ length }) => length), ...lists.flat()], make);
  }
}

function recallIn<T>(slots: Map<string, Slot>, what: string, parts: readonly unknown[], make: () => T): T {
  const known = slots.get(what);
  if (known !== undefined && isSame(known.parts, parts)) return known.value as T;
  const value = make();
  slots.set(what, { parts, value });
  return value;
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
}
