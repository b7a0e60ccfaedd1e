import { isIPv4 } from 'node:net';
import { addedBytes, addressesSeen, isMetadata, packetsWith } from '../harness/metadata-sight.ts';
import type { CapturedPacket } from '../harness/packet.ts';
import { services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { clearText, sealedText } from './measure.ts';
import type { WireResult } from './result.ts';

const WAYPOINTS: ReadonlySet<string> = new Set([addresses.waypointA, addresses.waypointB]);
const SITE_BYTES = [addresses.client.v4, addresses.server.v4, services.web.v4, services.vault.v4].map((text) =>
  Buffer.from(text.split('.').map(Number)),
);

/** What somebody in the middle learns. `lan` is what the clients' side of the first router saw at the same time. */
export function lookAtWire(wire: readonly CapturedPacket[], lan: readonly CapturedPacket[]): WireResult {
  const metadata = wire.filter(isMetadata);
  const foreign = [...addressesSeen(wire)].filter(([address]) => isSite(address));
  const inHeaders = foreign.reduce((sum, [, packets]) => sum + packets, 0);
  return {
    packets: wire.length,
    metadataPackets: metadata.length,
    addedBytesAfterHandshake: addedToLargestSession(wire, lan),
    siteAddressesSeen: inHeaders + packetsWith(metadata, SITE_BYTES),
    plaintextSeen: packetsWith(wire, [sealedText]),
    clearTextSeen: packetsWith(wire, [clearText]),
  };
}

// Neighbour discovery stays on its link and says nothing of a site.
function isSite(address: string): boolean {
  const isLocal = address.startsWith('fe80:') || address.startsWith('ff02:') || address === '0:0:0:0:0:0:0:0';
  return !WAYPOINTS.has(address) && !isLocal && address !== '224.0.0.22';
}

/** The download of the big file, by the port pair that carried most. */
function addedToLargestSession(wire: readonly CapturedPacket[], lan: readonly CapturedPacket[]): number {
  const sessions = Map.groupBy(
    wire.filter(({ tcp }) => tcp !== undefined),
    ({ sourcePort, destinationPort }) => [sourcePort, destinationPort].sort((one, other) => one - other).join(' '),
  );
  const [largest = []] = [...sessions.values()].sort((one, other) => bytesOf(other) - bytesOf(one));
  const web = lan.filter(
    ({ source, destination }) => isIPv4(source) && [source, destination].includes(services.web.v4),
  );
  return addedBytes(web, largest);
}

function bytesOf(packets: readonly CapturedPacket[]): number {
  return packets.reduce((sum, { length }) => sum + length, 0);
}
