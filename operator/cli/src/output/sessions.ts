import type { Hop, Session } from '@quiver/dataplane-api';
import { bytes, duration, endpoint, protocol } from './quantity.ts';
import type { Column } from './table.ts';

/** A session in a line. */
export const sessionColumns: readonly Column<Session>[] = [
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'TENANT', value: ({ tenant }) => tenant },
  { title: 'SERVICE', value: ({ service }) => service },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'PROTOCOL', value: (session) => protocol(session.protocol) },
  { title: 'CLIENT', value: ({ client }) => endpoint(client) },
  { title: 'ADDRESS', value: ({ serviceAddress }) => endpoint(serviceAddress) },
  { title: 'NEXT', value: nextOf },
  { title: 'SECURITY', value: ({ security }) => security },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'AGE', value: ({ openedMsAgo }) => duration(openedMsAgo) },
];

/** Everything that is known of it, in a longer line. */
export const wideSessionColumns: readonly Column<Session>[] = [
  ...sessionColumns,
  { title: 'CLIENT HOP', value: ({ clientHop }) => hopPair(clientHop) },
  { title: 'SERVER HOP', value: ({ serverHop }) => hopPair(serverHop) },
  { title: 'TRANSPORT', value: ({ serverHop, clientHop }) => (serverHop ?? clientHop)?.transport ?? '' },
  { title: 'HANDSHAKE', value: ({ serverHop, clientHop }) => (serverHop ?? clientHop)?.handshake ?? '' },
  { title: 'SOURCE', value: ({ source }) => endpoint(source) },
  { title: 'TARGET', value: ({ target }) => endpoint(target) },
  { title: 'FORWARD', value: (session) => traffic(session.packetsForward, session.bytesForward) },
  { title: 'REVERSE', value: (session) => traffic(session.packetsReverse, session.bytesReverse) },
  { title: 'IDLE', value: ({ idleMs }) => duration(idleMs) },
  { title: 'EXPIRES', value: ({ expiresInMs }) => duration(expiresInMs) },
  { title: 'ROUTE', value: ({ route }) => route },
];

/** The next node on the way to the server, or the server. */
export function nextOf({ serverHop, target }: Session): string {
  return serverHop === undefined ? endpoint(target) : `${serverHop.router}/${serverHop.node}`;
}

/** `local>remote` of one hop; empty when there is none. */
export function hopPair(hop: Hop | undefined): string {
  return hop === undefined ? '' : `${endpoint(hop.local)}>${endpoint(hop.remote)}`;
}

function traffic(packets: bigint, count: bigint): string {
  return `${packets}/${bytes(count)}`;
}
