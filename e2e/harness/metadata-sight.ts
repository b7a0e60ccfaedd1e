import type { CapturedPacket } from './packet.ts';

const COOKIE = Buffer.from('4c48dbc6ddf6670c', 'hex');
const HEADER = 12;

/** Bytes of SVR metadata at the front of a packet's payload; 0 when there is none. */
export function metadataLength({ payload }: CapturedPacket): number {
  if (payload.length < HEADER || !payload.subarray(0, 8).equals(COOKIE)) return 0;
  return (payload.readUInt16BE(8) & 0x0fff) + payload.readUInt16BE(10);
}

export function isMetadata(packet: CapturedPacket): boolean {
  return metadataLength(packet) > 0;
}

/** Addresses of packet headers, with the number of packets in which each was seen. */
export function addressesSeen(packets: readonly CapturedPacket[]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const { source, destination } of packets) {
    for (const address of [source, destination]) seen.set(address, (seen.get(address) ?? 0) + 1);
  }
  return seen;
}

/** Packets in whose payload one of the texts stands. */
export function packetsWith(packets: readonly CapturedPacket[], texts: readonly (string | Buffer)[]): number {
  return packets.filter(({ payload }) => texts.some((text) => payload.includes(text))).length;
}

export interface PortPair {
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
}

/** The packets between two waypoint:port pairs, either way. */
export function packetsOf(packets: readonly CapturedPacket[], { local, remote }: PortPair): CapturedPacket[] {
  const isFrom = (packet: CapturedPacket, one: PortPair['local'], other: PortPair['local']): boolean =>
    packet.source === one.address &&
    packet.sourcePort === one.port &&
    packet.destination === other.address &&
    packet.destinationPort === other.port;
  return packets.filter((packet) => isFrom(packet, local, remote) || isFrom(packet, remote, local));
}

/** Bytes that the packets of a session on the wire have more than the same packets in the LAN, once metadata is no longer sent. */
export function addedBytes(lan: readonly CapturedPacket[], wire: readonly CapturedPacket[]): number {
  const lastMetadata = wire.findLastIndex(isMetadata);
  const lengths = Map.groupBy(lan, segmentKey);
  const added = (packet: CapturedPacket): number => {
    const alike = lengths.get(segmentKey(packet)) ?? [];
    // Acknowledgements may differ in their options only.
    const same = alike.find(({ length }) => length === packet.length) ?? alike[0];
    return packet.length - (same?.length ?? 0);
  };
  return wire.slice(lastMetadata + 1).reduce((sum, packet) => sum + added(packet), 0);
}

// Sequence numbers pass unchanged, so that they name a segment on both sides.
function segmentKey({ tcp, payload, protocol }: CapturedPacket): string {
  if (tcp === undefined) return `${protocol} ${payload.toString('latin1')}`;
  const flags = `${tcp.isSyn}${tcp.isFin}${tcp.isReset}`;
  return `${tcp.sequence} ${tcp.acknowledgement} ${flags} ${payload.length}`;
}
