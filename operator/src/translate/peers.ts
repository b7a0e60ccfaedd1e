import type { Peer, PeerSpecWaypoint as PeerWaypoint } from '../api/generated/peer.gen.ts';
import { byText, sortedBy } from '../ir/canonical.ts';
import type { PeerIr, PeerWaypointIr } from '../ir/fabric-ir.ts';
import {
  type Address,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  hostPrefix,
  parseAddress,
  parsePrefix,
} from '../ir/prefix.ts';
import { problemsOf } from './input.ts';
import { listed } from './listed.ts';
import type { Outcome, Problem } from './problem.ts';
import type { Site } from './site.ts';

/** Remote routers with the waypoints that can be used from here. */
export function translatePeers(peers: readonly Peer[], site: Site): Outcome<readonly PeerIr[]> {
  const value: PeerIr[] = [];
  const problems: Problem[] = [];
  const own = ownWaypoints(site);
  const taken = new Map(own.map(({ text, owner }) => [text, owner]));
  const here: Here = { site, own: new Set(taken.keys()), families: new Set(own.map(({ family }) => family)) };
  for (const peer of bySeniority(peers)) {
    const refusal = refusalOf(peer, site, value);
    if (refusal !== undefined) problems.push(refusal);
    else {
      const waypoints = translateWaypoints(peer, here, taken);
      problems.push(...waypoints.problems);
      for (const { address, node } of waypoints.value) taken.set(address, `node ${node} of Peer ${peer.metadata.name}`);
      value.push(translatePeer(peer, waypoints.value));
    }
  }
  return { value: sortedBy(value, (peer) => peer.router), problems };
}

function translatePeer({ metadata, spec }: Peer, waypoints: readonly PeerWaypointIr[]): PeerIr {
  const transport = spec.transport === 'Native' || spec.transport === 'UDP' ? spec.transport : 'Auto';
  return {
    router: spec.router,
    name: metadata.name,
    waypoints: sortedBy(waypoints, ({ node, address }) => `${node} ${address}`),
    transport,
    alwaysEncrypt: spec.encryption === 'Always',
  };
}

function refusalOf(peer: Peer, site: Site, known: readonly PeerIr[]): Problem | undefined {
  const problem = problemsOf(peer);
  if (peer.spec.router === site.router) {
    const message = `${site.router} is this router itself; name the router at the other end`;
    return problem('OwnRouter', 'spec.router', message);
  }
  const first = known.find((other) => other.router === peer.spec.router);
  if (first === undefined) return undefined;
  const message = `Peer ${first.name} names router ${peer.spec.router} too and is used; put all its waypoints there`;
  return problem('DuplicateRouter', 'spec.router', message);
}

/** What peers need to know of this end. */
interface Here {
  readonly site: Site;
  /** Addresses of the own waypoints, in order of the nodes. */
  readonly own: ReadonlySet<string>;
  readonly families: ReadonlySet<Family>;
}

function translateWaypoints(
  peer: Peer,
  here: Here,
  taken: ReadonlyMap<string, string>,
): Outcome<readonly PeerWaypointIr[]> {
  const problems: Problem[] = [];
  const value: PeerWaypointIr[] = [];
  (peer.spec.waypoints ?? []).forEach((waypoint, index) => {
    const address = parseAddress(waypoint.address);
    const surroundings = { here, taken, earlier: value };
    const problem = waypointProblem(peer, index, address, surroundings) ?? localProblem(peer, index, here);
    if (problem !== undefined) problems.push(problem);
    else if (address !== undefined) value.push(translateWaypoint(waypoint, address));
  });
  return { value, problems };
}

function translateWaypoint(waypoint: PeerWaypoint, address: Address): PeerWaypointIr {
  const { name, node = name, cost, mtu = 0 } = waypoint;
  const local = parseAddress(waypoint.localAddress ?? '');
  const localAddress = local === undefined ? '' : formatAddress(local);
  return { node, address: formatAddress(address), cost, localAddress, mtu };
}

interface WaypointSurroundings {
  readonly here: Here;
  readonly taken: ReadonlyMap<string, string>;
  readonly earlier: readonly PeerWaypointIr[];
}

function waypointProblem(
  peer: Peer,
  index: number,
  address: Address | undefined,
  { here: { site, families }, taken, earlier }: WaypointSurroundings,
): Problem | undefined {
  const problem = problemsOf(peer);
  const field = `spec.waypoints[${index}].address`;
  const text = peer.spec.waypoints?.[index]?.address ?? '';
  if (address === undefined) return problem('InvalidObject', field, `"${text}" is no IPv4 or IPv6 address`);
  const owner = taken.get(formatAddress(address)) ?? earlierOwner(earlier, formatAddress(address));
  if (owner !== undefined)
    return problem('WaypointConflict', field, `${text} is also ${owner}; give each node its own`);
  const pool = [...site.servicePool, ...site.returnPool].find((candidate) => holds(candidate, address));
  if (pool !== undefined)
    return problem('AddressReserved', field, `${text} lies in pool ${pool} of this router; choose another pool`);
  const pods = site.podPrefixes.find((prefix) => contains(prefix, hostPrefix(address)));
  if (pods !== undefined) {
    const message = `${text} lies in the pod CIDR ${formatPrefix(pods)} of this cluster; give an address that is routed`;
    return problem('AddressReserved', field, message);
  }
  if (families.has(address.family)) return undefined;
  const message = `no node of router ${site.router} has an IPv${address.family} waypoint; give one of them such an address`;
  return problem('MissingFamily', field, message);
}

function localProblem(peer: Peer, index: number, { site, own }: Here): Problem | undefined {
  const text = peer.spec.waypoints?.[index]?.localAddress;
  if (text === undefined) return undefined;
  const local = parseAddress(text);
  if (local !== undefined && own.has(formatAddress(local))) return undefined;
  const message = `${text} is no waypoint of router ${site.router}; its waypoints are ${listed([...own], 8)}`;
  return problemsOf(peer)('UnknownWaypoint', `spec.waypoints[${index}].localAddress`, message);
}

function earlierOwner(earlier: readonly PeerWaypointIr[], address: string): string | undefined {
  const other = earlier.find((waypoint) => waypoint.address === address);
  return other === undefined ? undefined : `waypoint ${other.node} of this peer`;
}

function holds(pool: string, address: Address): boolean {
  const prefix = parsePrefix(pool);
  return prefix !== undefined && contains(prefix, hostPrefix(address));
}

function ownWaypoints({ nodes }: Site): readonly { text: string; family: Family; owner: string }[] {
  return nodes.flatMap(({ name, waypoints }) =>
    waypoints.flatMap((waypoint) => {
      const address = parseAddress(waypoint.address);
      const owner = `the waypoint of own node ${name}`;
      return address === undefined ? [] : [{ text: formatAddress(address), family: address.family, owner }];
    }),
  );
}

function bySeniority(peers: readonly Peer[]): Peer[] {
  const age = ({ metadata }: Peer) => metadata.creationTimestamp ?? '';
  return [...peers].sort(
    (one, other) => byText(age(one), age(other)) || byText(one.metadata.name, other.metadata.name),
  );
}
