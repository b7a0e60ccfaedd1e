import type { Endpoint } from '@quiver/dataplane-api';

const units: readonly [name: string, seconds: number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** A duration as kubectl writes ages: the two largest units, e.g. `3m12s`, `5h4m`, `12s`. */
export function duration(milliseconds: bigint | number): string {
  let rest = Math.floor(Number(milliseconds) / 1000);
  const parts: string[] = [];
  for (const [name, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (parts.length > 0 && count === 0) break;
    if (count > 0) parts.push(`${count}${name}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.join('');
}

/** Milliseconds of `20s`, `500ms`, `2m`, `1h`, or of plain seconds; undefined when it is none of them. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) return undefined;
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 0;
  return Number(match[1]) * factor;
}

const powers = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** Bytes in Kubernetes' binary units, e.g. `512`, `1.5Ki`, `20Mi`. */
export function bytes(count: bigint | number): string {
  let value = Number(count);
  let power = 0;
  while (value >= 1024 && power < powers.length - 1) {
    value /= 1024;
    power += 1;
  }
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${powers[power] ?? ''}`;
}

/** `address:port`, IPv6 in brackets; empty when there is none. */
export function endpoint(value: Endpoint | undefined): string {
  if (value === undefined || value.address === '') return '';
  if (value.port === 0) return value.address;
  return value.address.includes(':') ? `[${value.address}]:${value.port}` : `${value.address}:${value.port}`;
}

const protocols = new Map([
  [1, 'ICMP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [58, 'ICMPv6'],
]);

/** The name of an IP protocol, or its number. */
export function protocol(number: number): string {
  return protocols.get(number) ?? String(number);
}
