import { BAD_ADDRESSES, badDurations, type Case, strings } from './case.ts';

const node1 = { name: 'node1', address: '203.0.113.21' };
const peer = { router: 'cluster-b', waypoints: [node1] };
const waypoint = (more: Record<string, string>) => ({ router: 'cluster-b', waypoints: [{ ...node1, ...more }] });

export const PEER_CASES: readonly Case[] = [
  { says: 'metadata.name must be up to 63 lower-case letters', name: 'cluster_b', refused: peer, accepted: peer },
  {
    says: 'router must be a router name',
    refused: { ...peer, router: 'Cluster B' },
    accepted: peer,
  },
  {
    says: 'waypoints names one address twice',
    refused: { router: 'cluster-b', waypoints: [node1, { name: 'node2', address: '203.0.113.21' }] },
    accepted: { router: 'cluster-b', waypoints: [node1, { name: 'node2', address: '203.0.113.22', cost: 10 }] },
  },
  { says: 'name of a waypoint must be', refused: waypoint({ name: 'Node1' }), accepted: waypoint({ name: 'n1.b' }) },
  {
    says: "node must be the peer's node name",
    refused: waypoint({ node: 'Node1' }),
    accepted: waypoint({ node: 'n' }),
  },
  ...strings((address) => waypoint({ address }), '203.0.113.21', BAD_ADDRESSES),
  {
    says: 'localAddress must be an IPv4 or IPv6 address',
    refused: waypoint({ localAddress: 'eth0' }),
    accepted: waypoint({ localAddress: '203.0.113.11' }),
  },
  {
    says: 'localAddress and address must both be IPv4 or both IPv6',
    refused: waypoint({ localAddress: '2001:db8::11' }),
    accepted: waypoint({ localAddress: '2001:db8::11', address: '2001:db8::21' }),
  },
  {
    says: "localAddress is ours and address the peer's",
    refused: waypoint({ localAddress: '203.0.113.21' }),
    accepted: waypoint({ localAddress: '203.0.113.11' }),
  },
  ...strings((interval) => ({ ...peer, liveness: { interval } }), '300ms', badDurations('9ms', '61s')),
  {
    says: 'waypoints is missing',
    refused: { router: 'cluster-b' },
    accepted: { router: 'cluster-b', connectivity: 'InboundOnly' },
  },
  {
    says: 'transport Native leaves TCP as it is',
    refused: { ...peer, encryption: 'Always', transport: 'Native' },
    accepted: { ...peer, encryption: 'Always', transport: 'UDP' },
  },
  {
    says: 'router cannot be changed',
    previous: { ...peer, router: 'cluster-a' },
    refused: peer,
    accepted: { ...peer, router: 'cluster-a' },
  },
];
