import type { Json } from '../../operator/src/schema/index.ts';
import { BAD_ADDRESSES, badDurations, type Case, strings } from './case.ts';

const toTarget = { service: 'db', targets: [{ address: '192.0.2.10' }] };

function health(says: string, refused: Record<string, Json>, accepted: Record<string, Json>): Case {
  return { says, refused: { ...toTarget, health: refused }, accepted: { ...toTarget, health: accepted } };
}

function capacity(says: string, refused: Record<string, Json>, accepted: Record<string, Json>): Case {
  return { says, refused: { ...toTarget, capacity: refused }, accepted: { ...toTarget, capacity: accepted } };
}

const endpoints = (port: Json) => ({ service: 'db', endpoints: { service: 'postgres', port } });

export const SERVICE_ROUTE_CASES: readonly Case[] = [
  { says: 'metadata.name must be up to 63 lower-case letters', name: 'Db', refused: toTarget, accepted: toTarget },
  {
    says: 'service must be the name of a Service in this namespace',
    refused: { ...toTarget, service: 'prod/db' },
    accepted: toTarget,
  },
  {
    says: 'name of a peer must be that of a Peer object',
    refused: { service: 'db', peers: [{ name: 'Cluster-B' }] },
    accepted: { service: 'db', peers: [{ name: 'cluster-b', cost: 10 }] },
  },
  {
    says: 'endpoints.service must be the name of a core Service',
    refused: { service: 'db', endpoints: { service: 'prod/postgres', port: 5432 } },
    accepted: endpoints(5432),
  },
  {
    says: 'endpoints.port must be a number from 1 to 65535',
    refused: endpoints('5432'),
    accepted: endpoints('postgres'),
  },
  { says: 'endpoints.port must be a number from 1 to 65535', refused: endpoints(65536), accepted: endpoints(65535) },
  {
    says: 'targets names one address and port twice',
    refused: {
      service: 'db',
      targets: [
        { address: '192.0.2.10', port: 80 },
        { address: '192.0.2.10', port: 80 },
      ],
    },
    accepted: { service: 'db', targets: [{ address: '192.0.2.10', port: 80 }, { address: '192.0.2.10' }] },
  },
  ...strings((address) => ({ service: 'db', targets: [{ address }] }), '192.0.2.10', BAD_ADDRESSES),
  health('path must begin with', { probe: 'HTTP', path: 'healthz' }, { probe: 'HTTP', path: '/healthz' }),
  health('path belongs to probe HTTP only', { probe: 'TCP', path: '/' }, { probe: 'TCP' }),
  health('port has no meaning for probe ICMP', { probe: 'ICMP', port: 80 }, { probe: 'TCP', port: 80 }),
  health(
    'timeout must not be longer than interval',
    { probe: 'TCP', interval: '1s', timeout: '2s' },
    { probe: 'TCP', interval: '2s', timeout: '2000ms' },
  ),
  ...strings((interval) => ({ ...toTarget, health: { probe: 'TCP', interval } }), '5s', badDurations('1ms', '61m')),
  ...strings((timeout) => ({ ...toTarget, health: { probe: 'TCP', timeout } }), '500ms', badDurations('99ms', '2m')),
  capacity(
    'highWater and lowWater belong together',
    { maxSessions: 10, highWater: 90 },
    { maxSessions: 10, highWater: 90, lowWater: 70 },
  ),
  capacity(
    'lowWater must be below highWater',
    { maxSessions: 10, highWater: 70, lowWater: 70 },
    { maxSessions: 10, highWater: 71, lowWater: 70 },
  ),
  capacity('highWater and lowWater are percentages', { highWater: 90, lowWater: 70 }, { sessionRate: 200 }),
  { says: 'exactly one of peers, endpoints and targets', refused: { service: 'db' }, accepted: toTarget },
  {
    says: 'exactly one of peers, endpoints and targets',
    refused: { ...toTarget, peers: [{ name: 'cluster-b' }] },
    accepted: { service: 'db', peers: [{ name: 'cluster-b' }] },
  },
  {
    says: 'health probes targets only',
    refused: { ...endpoints(5432), health: { probe: 'TCP' } },
    accepted: endpoints(5432),
  },
];
