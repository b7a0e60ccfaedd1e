/** An IPv4 or IPv6 address as a number. */
export class IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;

  constructor(family: 4 | 6, value: bigint) {
    this.family = family;
    this.value = value;
  }

  /** Strict as Kubernetes' `isIP`: no leading zeros, no zone, no IPv4-mapped IPv6. */
  static parse(text: string): IpAddress | undefined {
    return text.includes(':') ? parseV6(text) : parseV4(text);
  }

  get bits(): number {
    return this.family === 4 ? 32 : 128;
  }

  isUnspecified(): boolean {
    return this.value === 0n;
  }

  isLoopback(): boolean {
    return this.family === 4 ? this.value >> 24n === 127n : this.value === 1n;
  }

  isLinkLocalUnicast(): boolean {
    return this.family === 4 ? this.value >> 16n === 0xa9fen : this.value >> 118n === 0x3fan;
  }

  /** 224.0.0.0/24 and ff02::/16. */
  isLinkLocalMulticast(): boolean {
    return this.family === 4
      ? this.value >> 8n === 0xe00000n
      : (this.value >> 112n) % 0x10n === 2n && this.value >> 120n === 0xffn;
  }

  toString(): string {
    return this.family === 4 ? formatV4(this.value) : formatV6(this.value);
  }
}

/** A prefix; bits behind its length may be set. */
export class Cidr {
  readonly ip: IpAddress;
  readonly length: number;

  constructor(ip: IpAddress, length: number) {
    this.ip = ip;
    this.length = length;
  }

  /** Strict as Kubernetes' `isCIDR`. */
  static parse(text: string): Cidr | undefined {
    const parts = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
    const ip = IpAddress.parse(parts?.[1] ?? '');
    const length = Number(parts?.[2]);
    return ip === undefined || length > ip.bits ? undefined : new Cidr(ip, length);
  }

  masked(): Cidr {
    const hostBits = BigInt(this.ip.bits - this.length);
    return new Cidr(new IpAddress(this.ip.family, (this.ip.value >> hostBits) << hostBits), this.length);
  }

  contains(other: Cidr): boolean {
    if (other.ip.family !== this.ip.family || other.length < this.length) return false;
    const hostBits = BigInt(this.ip.bits - this.length);
    return other.ip.value >> hostBits === this.ip.value >> hostBits;
  }

  equals(other: Cidr): boolean {
    return this.ip.family === other.ip.family && this.ip.value === other.ip.value && this.length === other.length;
  }

  toString(): string {
    return `${this.ip.toString()}/${this.length}`;
  }
}

function parseV4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256n + BigInt(part);
  }
  return new IpAddress(4, value);
}

function parseV6(text: string): IpAddress | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (!groups.flat().every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  const [head = [], tail = []] = groups;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  const value = all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
  return value >> 32n === 0xffffn ? undefined : new IpAddress(6, value);
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) % 256n).toString()).join('.');
}

/** RFC 5952: lower case, the longest run of at least two zero groups as `::`. */
function formatV6(value: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((value >> shift) % 65536n).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
