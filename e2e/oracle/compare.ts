import type { Session } from '@quiver/dataplane-api';
import { isMetadata } from '../harness/metadata-sight.ts';
import type { CapturedPacket } from '../harness/packet.ts';
import type { Dissected } from './dissect.ts';

/** How a run of ours looks to a dissector that others wrote. */
export interface Comparison {
  readonly metadataPackets: number;
  readonly decoded: number;
  /** Packets about which it complained, with what it said. */
  readonly malformed: readonly string[];
  readonly sessions: number;
  /** Sessions of which it read something else than the router tells, or nothing. */
  readonly differences: readonly string[];
}

/** Compares what the dissector read with what the router says of its sessions. */
export function compare(
  packets: readonly CapturedPacket[],
  dissected: readonly Dissected[],
  sessions: readonly Session[],
): Comparison {
  return {
    metadataPackets: packets.filter(isMetadata).length,
    decoded: dissected.filter(({ isDecoded }) => isDecoded).length,
    malformed: dissected
      .filter(({ complaints }) => complaints !== '')
      .map(({ frame, complaints }) => `frame ${frame}: ${complaints}`),
    sessions: sessions.length,
    differences: sessions.flatMap((session) => differencesOf(session, dissected)),
  };
}

function differencesOf(session: Session, dissected: readonly Dissected[]): string[] {
  const id = session.sessionId.replaceAll('-', '');
  const forward = dissected.find(({ bytes, tenant }) => bytes.includes(id) && tenant !== '');
  if (forward === undefined) return [`${session.sessionId}: no packet with its id and a tenant was read`];
  const expected = { tenant: session.tenant, service: session.service, ...endpointsOf(session) };
  return Object.entries(expected).flatMap(([name, value]) => {
    const read = forward[name as keyof typeof expected];
    return read === value ? [] : [`${session.sessionId}: ${name} is "${value}" and was read as "${read}"`];
  });
}

// The dissector's context is that of IPv4; another family's it shows as bytes. An echo has its identifier as both ports.
function endpointsOf({ client, serviceAddress, protocol }: Session): { client: string; serviceAddress: string } {
  if (client === undefined || serviceAddress === undefined || client.address.includes(':')) {
    return { client: '', serviceAddress: '' };
  }
  const port = protocol === 1 ? client.port : serviceAddress.port;
  return {
    client: `${client.address}:${client.port}`,
    serviceAddress: `${serviceAddress.address}:${port}`,
  };
}
