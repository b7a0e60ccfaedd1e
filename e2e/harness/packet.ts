/** One packet of a capture, as far as the tests look into it. */
export interface CapturedPacket {
  /** Seconds since the Unix epoch. */
  readonly time: number;
  /** Length of the IP packet, in bytes. */
  readonly length: number;
  readonly source: string;
  readonly destination: string;
  /** IP protocol number; for IPv6 the next header behind a fragment header. */
  readonly protocol: number;
  /** 0 where the protocol has no ports or the packet is a later fragment. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly isFragment: boolean;
  readonly tcp?: TcpFields;
  /** What stands behind the TCP or UDP header; behind the IP header for other protocols. */
  readonly payload: Buffer;
}

export interface TcpFields {
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly isSyn: boolean;
  readonly isFin: boolean;
  readonly isReset: boolean;
}

interface IpPart {
  readonly length: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly isFragment: boolean;
  readonly isFirst: boolean;
  readonly body: Buffer;
}

const ETHERNET = 14;

/** Reads a packet with its Ethernet header; undefined for anything but IP. */
export function readPacket(time: number, frame: Buffer): CapturedPacket | undefined {
  if (frame.length < ETHERNET + 20) return undefined;
  const type = frame.readUInt16BE(12);
  const bytes = frame.subarray(ETHERNET);
  const ip = type === 0x0800 ? readIpv4(bytes) : type === 0x86dd ? readIpv6(bytes) : undefined;
  if (ip === undefined) return undefined;
  const { body, isFirst, ...rest } = ip;
  return { time, ...rest, ...(isFirst ? readTransport(ip.protocol, body) : { ...noPorts, payload: body }) };
}

const noPorts = { sourcePort: 0, destinationPort: 0 };

function readTransport(
  protocol: number,
  body: Buffer,
): Pick<CapturedPacket, 'sourcePort' | 'destinationPort' | 'tcp' | 'payload'> {
  if (protocol === 17 && body.length >= 8) {
    return { sourcePort: body.readUInt16BE(0), destinationPort: body.readUInt16BE(2), payload: body.subarray(8) };
  }
  if (protocol === 6 && body.length >= 20) {
    const flags = body.readUInt8(13);
    const tcp = {
      sequence: body.readUInt32BE(4),
      acknowledgement: body.readUInt32BE(8),
      isSyn: (flags & 2) !== 0,
      isFin: (flags & 1) !== 0,
      isReset: (flags & 4) !== 0,
    };
    const payload = body.subarray((body.readUInt8(12) >> 4) * 4);
    return { sourcePort: body.readUInt16BE(0), destinationPort: body.readUInt16BE(2), tcp, payload };
  }
  return { ...noPorts, payload: body };
}

function readIpv4(bytes: Buffer): IpPart {
  const headerLength = (bytes.readUInt8(0) & 15) * 4;
  const length = bytes.readUInt16BE(2) || bytes.length;
  const fragment = bytes.readUInt16BE(6) & 0x3fff;
  return {
    length,
    source: [...bytes.subarray(12, 16)].join('.'),
    destination: [...bytes.subarray(16, 20)].join('.'),
    protocol: bytes.readUInt8(9),
    isFragment: fragment !== 0,
    isFirst: (fragment & 0x1fff) === 0,
    body: bytes.subarray(headerLength, length),
  };
}

function readIpv6(bytes: Buffer): IpPart {
  const payloadLength = bytes.readUInt16BE(4);
  const length = payloadLength === 0 ? bytes.length : payloadLength + 40;
  const isFragment = bytes.readUInt8(6) === 44;
  const at = isFragment ? 48 : 40;
  return {
    length,
    source: ipv6Text(bytes.subarray(8, 24)),
    destination: ipv6Text(bytes.subarray(24, 40)),
    protocol: isFragment ? bytes.readUInt8(40) : bytes.readUInt8(6),
    isFragment,
    isFirst: !isFragment || (bytes.readUInt16BE(42) & 0xfff8) === 0,
    body: bytes.subarray(at, length),
  };
}

/** Eight groups without zero compression: made to be compared, not to be read. */
export function ipv6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':');
}
