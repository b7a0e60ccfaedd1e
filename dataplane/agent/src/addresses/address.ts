import { isIP, isIPv4, SocketAddress } from 'node:net';

/** A range of addresses. */
export interface Prefix {
  readonly isIPv4: boolean;
  readonly first: bigint;
  /** How many addresses there are. */
  readonly size: bigint;
}

/** The one way to write an address; undefined when the text is none. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  return new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' }).address;
}

/** The prefix that holds this address and nothing else. */
export function hostPrefix(address: string): string {
  return `${address}/${isIPv4(address) ? 32 : 128}`;
}

/** Undefined when the text is no prefix; bits behind its length are passed over. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  const canonical = canonicalAddress(address);
  const bits = canonical !== undefined && isIPv4(canonical) ? 32 : 128;
  if (canonical === undefined || more.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bits)
    return undefined;
  const size = 1n << BigInt(bits - Number(length));
  const value = numberOf(canonical);
  return { isIPv4: bits === 32, first: value - (value % size), size };
}

/** Whether the prefix holds the address, in canonical form. */
export function holds({ isIPv4: isOfIPv4, first, size }: Prefix, address: string): boolean {
  if (isIPv4(address) !== isOfIPv4) return false;
  const value = numberOf(address);
  return value >= first && value < first + size;
}

/** The address that many places behind the first one, in canonical form. */
export function addressAt({ isIPv4: isOfIPv4, first }: Prefix, offset: bigint): string {
  const value = first + offset;
  if (isOfIPv4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return canonicalAddress(groups.join(':')) ?? '';
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
  return groupsOf(address).reduce((sum, group) => (sum << 16n) + BigInt(group), 0n);
}

// The eight groups of an IPv6 address; the last two may be written as an IPv4 address.
function groupsOf(address: string): readonly number[] {
  const [head = [], tail] = address.split('::').map(groupsOfHalf);
  if (tail === undefined) return head;
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

function groupsOfHalf(half: string): readonly number[] {
  if (half === '') return [];
  return half.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
