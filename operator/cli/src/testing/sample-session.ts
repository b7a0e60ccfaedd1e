import { Session } from '@quiver/dataplane-api';

/** A session at its ingress; a test changes what it is about. */
export function sampleSession(changed: Partial<Session> = {}): Session {
  return Session.create({
    sessionId: '6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f',
    tenant: 'office',
    service: 'prod/web',
    role: 'Ingress',
    protocol: 6,
    client: { address: '10.1.0.5', port: 40_000 },
    serviceAddress: { address: '198.18.0.80', port: 80 },
    serverHop: {
      router: 'b',
      node: 'b1',
      local: { address: '192.0.2.1', port: 16_400 },
      remote: { address: '203.0.113.1', port: 16_401 },
      handshake: 'Established',
      transport: 'Native',
    },
    security: 'Clear',
    state: 'Established',
    packetsForward: 12n,
    bytesForward: 1_536n,
    packetsReverse: 9n,
    bytesReverse: 20_971_520n,
    openedMsAgo: 192_000n,
    idleMs: 1_000n,
    expiresInMs: 1_899_000n,
    route: 'prod/web',
    ...changed,
  });
}
