import { digestOf } from '../ir/canonical.ts';

const digests = new WeakMap<object, string>();

/** SHA-256 of a part of a configuration, hex; computed once for a part, which never changes. */
export function partDigest<T extends object>(part: T, encode: (part: T) => Uint8Array): string {
  const known = digests.get(part) ?? digestOf(encode(part));
  digests.set(part, known);
  return known;
}
