import { overlaps, type Prefix, parsePrefix } from '../ir/prefix.ts';
import { PrefixIndex } from '../ir/prefix-index.ts';

/** Addresses that something cannot have, with the name under which a message speaks of their owner. */
export interface Reserved {
  readonly prefix: Prefix;
  readonly what: string;
}

/** Finds out quickly whose an address is. */
export class ReservedAddresses {
  readonly #all: readonly Reserved[];
  readonly #index = new PrefixIndex<{ readonly reserved: Reserved; readonly place: number }>();

  constructor(all: readonly Reserved[]) {
    this.#all = all;
    all.forEach((reserved, place) => {
      this.#index.add(reserved.prefix, { reserved, place });
    });
  }

  /** The first in the list that the prefix meets. */
  meeting(prefix: Prefix): Reserved | undefined {
    const isHost = prefix.length === (prefix.family === 4 ? 32 : 128);
    if (!isHost) return this.#all.find((one) => overlaps(one.prefix, prefix));
    const around = this.#index.around(prefix);
    return around.toSorted((one, other) => one.place - other.place)[0]?.reserved;
  }
}

/** The prefix that a text names, as one that belongs to somebody; nothing when the text is no prefix. */
export function reserve(text: string, what: string): readonly Reserved[] {
  const prefix = parsePrefix(text);
  return prefix === undefined ? [] : [{ prefix, what }];
}
