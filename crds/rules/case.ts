import type { Json } from '../../operator/src/schema/index.ts';

/** One broken rule, and how the same wish is written rightly. */
export interface Case {
  /** Part of the sentence that the user reads. */
  readonly says: string;
  readonly refused: Json;
  readonly accepted: Json;
  /** Name of the refused object; the accepted one has the usual name. */
  readonly name?: string;
  /** The object's spec before the change. */
  readonly previous?: Json;
}

/** Cases in which one string within a spec is bad and then good. */
export function strings(
  spec: (text: string) => Json,
  accepted: string,
  refused: readonly (readonly [text: string, says: string])[],
): Case[] {
  return refused.map(([text, says]) => ({ says, refused: spec(text), accepted: spec(accepted) }));
}

/** What is wrong with a prefix that clients dial or come from. */
export const BAD_PREFIXES = [
  ['everything', 'must be a prefix in CIDR form'],
  ['::ffff:192.0.2.0/120', 'must be a prefix in CIDR form'],
  ['198.51.100.7', '198.51.100.7 needs a prefix length: write 198.51.100.7/32'],
  ['2001:db8::7', '2001:db8::7 needs a prefix length: write 2001:db8::7/128'],
  ['198.51.100.7/24', 'did you mean 198.51.100.0/24?'],
  ['2001:db8::7/64', 'did you mean 2001:db8::/64?'],
  ['2001:DB8::/64', 'must be in lower case'],
  ['127.0.0.0/8', 'is a loopback prefix'],
  ['::1/128', 'is a loopback prefix'],
  ['224.0.0.0/24', 'is a multicast prefix'],
  ['ff02::/16', 'is a multicast prefix'],
] as const;

/** What is wrong with an address of one machine. */
export const BAD_ADDRESSES = [
  ['server.example.com', 'must be an IPv4 or IPv6 address without prefix length or port'],
  ['192.0.2.10:80', 'must be an IPv4 or IPv6 address without prefix length or port'],
  ['192.0.2.10/32', 'must be an IPv4 or IPv6 address without prefix length or port'],
  ['192.0.02.10', 'must be an IPv4 or IPv6 address without prefix length or port'],
  ['2001:DB8::10', 'must be in lower case'],
  ['0.0.0.0', 'names no machine'],
  ['::', 'names no machine'],
  ['127.0.0.1', 'is a loopback address'],
  ['224.0.0.5', 'is a multicast address'],
] as const;

/** What is wrong with a duration that must lie between bounds; `low` and `high` are just outside them. */
export function badDurations(low: string, high: string): readonly (readonly [string, string])[] {
  const says = 'must be a duration between';
  return [
    ['5', says],
    ['5 seconds', says],
    ['-5s', says],
    [low, says],
    [high, says],
  ];
}
