import type { Peer } from '@quiver/dataplane-api';
import type { NodeIr, PeerIr } from '../ir/fabric-ir.ts';
import { parseAddress } from '../ir/prefix.ts';
import * as enums from './enums.ts';

/** What of a node decides which peer paths it can begin. */
export interface Reach {
  readonly addresses: ReadonlySet<string>;
  readonly families: ReadonlySet<number>;
}

/** How far a node reaches by its own waypoints. */
export function reachOf({ waypoints }: NodeIr): Reach {
  const families = waypoints.flatMap(({ address }) => parseAddress(address)?.family ?? []);
  return { addresses: new Set(waypoints.map(({ address }) => address)), families: new Set(families) };
}

// Peers never change, and most nodes reach the same waypoints of them.
const views = new WeakMap<PeerIr, Map<string, Peer>>();

/** A peer as one node sees it: with the paths that can begin at a waypoint of the node. */
export function projectPeer(peer: PeerIr, reach: Reach): Peer {
  const waypoints = peer.waypoints.filter(({ address, localAddress }) =>
    localAddress === '' ? reach.families.has(parseAddress(address)?.family ?? 0) : reach.addresses.has(localAddress),
  );
  const known = views.get(peer) ?? new Map<string, Peer>();
  views.set(peer, known);
  const key = waypoints.map(({ address }) => address).join(' ');
  const view = known.get(key) ?? {
    router: peer.router,
    waypoints: waypoints.map((remote) => ({ ...remote })),
    transport: enums.transport[peer.transport],
    alwaysEncrypt: peer.alwaysEncrypt,
  };
  known.set(key, view);
  return view;
}
