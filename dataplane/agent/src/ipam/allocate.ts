import { addressAt, type Prefix } from '../addresses/address.ts';

/** Addresses of one prefix that are given out at most. */
const mostAddresses = 65_536n;

/** An address, and the place behind it, where the search goes on next time. */
export interface Allocation {
  readonly address: string;
  readonly next: bigint;
}

/** First and last place that may be given out: not the network's own address, and not IPv4's broadcast. */
export function usableRange({ isIPv4, size }: Prefix): { readonly first: bigint; readonly last: bigint } {
  const isTooSmallForOwn = size <= 2n;
  const first = isTooSmallForOwn ? 0n : 1n;
  const end = isIPv4 && !isTooSmallForOwn ? size - 1n : size;
  const bounded = end - first > mostAddresses ? first + mostAddresses : end;
  return { first, last: bounded - 1n };
}

/** The next free address at or behind `cursor`, round and round, so that one just freed comes last; undefined when none is free. */
export function allocate(prefix: Prefix, used: ReadonlySet<string>, cursor: bigint): Allocation | undefined {
  const { first, last } = usableRange(prefix);
  const start = cursor < first || cursor > last ? first : cursor;
  for (let step = 0n; step <= last - first; step += 1n) {
    const behind = start + step;
    const place = behind > last ? behind - (last - first + 1n) : behind;
    const address = addressAt(prefix, place);
    if (!used.has(address)) return { address, next: place + 1n };
  }
  return undefined;
}
