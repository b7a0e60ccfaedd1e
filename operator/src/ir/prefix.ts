import { isIPv4, isIPv6 } from 'node:net';

export type Family = 4 | 6;

/** An address as a number. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Addresses that share their first `length` bits; `base` has no bit set behind them. */
export interface Prefix {
  readonly family: Family;
  readonly base: bigint;
  readonly length: number;
}

/** Reads an IPv4 or IPv6 address without zone; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: readIpv4(text) };
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: readIpv6(text) };
  return undefined;
}

/** Reads `address/length`, or an address alone as a prefix of full length. Bits behind the length are dropped. */
export function parsePrefix(text: string): Prefix | undefined {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = widthOf(address.family);
  if (lengthText === undefined) return { family: address.family, base: address.value, length: bits };
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits) return undefined;
  const length = Number(lengthText);
  return { family: address.family, base: address.value & maskOf(address.family, length), length };
}

/** Whether the text is a prefix with no bit set behind its length. */
export function isExactPrefix(text: string): boolean {
  const prefix = parsePrefix(text);
  const address = parseAddress(text.split('/')[0] ?? '');
  return prefix !== undefined && address !== undefined && prefix.base === address.value;
}

export function hostPrefix(address: Address): Prefix {
  return { family: address.family, base: address.value, length: widthOf(address.family) };
}

/** Whether every address of `inner` is one of `outer`. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  return (inner.base & maskOf(outer.family, outer.length)) === outer.base;
}

export function overlaps(one: Prefix, other: Prefix): boolean {
  return contains(one, other) || contains(other, one);
}

/** The prefix of this length that contains it; `length` is at most its own. */
export function truncate(prefix: Prefix, length: number): Prefix {
  return { family: prefix.family, base: prefix.base & maskOf(prefix.family, length), length };
}

/** The same addresses in as few prefixes as possible, by family and address. */
export function mergePrefixes(prefixes: readonly Prefix[]): readonly Prefix[] {
  const kept: Prefix[] = [];
  for (const prefix of [...prefixes].sort(byPlace)) {
    const last = kept.at(-1);
    if (last === undefined || !contains(last, prefix)) joinTo(kept, prefix);
  }
  return kept;
}

/** What is left of a prefix without others, by address. */
export function subtract(prefix: Prefix, holes: readonly Prefix[]): readonly Prefix[] {
  const met = holes.filter((hole) => overlaps(hole, prefix));
  if (met.length === 0) return [prefix];
  if (met.some((hole) => contains(hole, prefix))) return [];
  const half = 1n << BigInt(widthOf(prefix.family) - prefix.length - 1);
  const length = prefix.length + 1;
  const lower = { family: prefix.family, base: prefix.base, length };
  return [...subtract(lower, met), ...subtract({ ...lower, base: prefix.base + half }, met)];
}

/** How many addresses the prefix holds. */
export function sizeOf(prefix: Prefix): bigint {
  return 1n << BigInt(widthOf(prefix.family) - prefix.length);
}

/** Canonical text of an address: dotted, or RFC 5952. */
export function formatAddress(address: Address): string {
  return address.family === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
}

/** Canonical text of a prefix, always with its length. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress({ family: prefix.family, value: prefix.base })}/${prefix.length}`;
}

export function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

function byPlace(one: Prefix, other: Prefix): number {
  if (one.family !== other.family) return one.family - other.family;
  if (one.base !== other.base) return one.base < other.base ? -1 : 1;
  return one.length - other.length;
}

// Two halves of one prefix are that prefix, which may be a half itself.
function joinTo(kept: Prefix[], prefix: Prefix): void {
  const last = kept.at(-1);
  const isPair =
    last !== undefined &&
    last.family === prefix.family &&
    last.length === prefix.length &&
    prefix.length > 0 &&
    truncate(prefix, prefix.length - 1).base === last.base;
  if (!isPair) {
    kept.push(prefix);
    return;
  }
  kept.pop();
  joinTo(kept, truncate(prefix, prefix.length - 1));
}

const masks = { 4: masksOf(32), 6: masksOf(128) } as const;

function masksOf(bits: number): readonly bigint[] {
  const all = (1n << BigInt(bits)) - 1n;
  return Array.from({ length: bits + 1 }, (_, length) => all ^ ((1n << BigInt(bits - length)) - 1n));
}

function maskOf(family: Family, length: number): bigint {
  return masks[family][length] ?? 0n;
}

function readIpv4(text: string): bigint {
  return BigInt(text.split('.').reduce((value, part) => value * 256 + Number(part), 0));
}

function readIpv6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted === null ? text : `${dotted[1] ?? ''}${ipv4Groups(dotted[2] ?? '')}`;
  const [head = '', tail] = plain.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | group, 0n);
}

function ipv4Groups(text: string): string {
  const value = readIpv4(text);
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

function groupsOf(text: string): bigint[] {
  return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}

function formatIpv4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 0xff}.${(number >>> 8) & 0xff}.${number & 0xff}`;
}

// RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups becomes "::".
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}
