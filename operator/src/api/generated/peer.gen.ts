// Generated from crds/ by `npm run gen`. Do not edit.

import type { Condition, ObjectMeta } from './object.gen.ts';

/** Another router of the fabric, and where its nodes are reached. */
export interface Peer {
  readonly apiVersion: 'quiver.dev/v1alpha1';
  readonly kind: 'Peer';
  readonly metadata: ObjectMeta;
  readonly spec: PeerSpec;
  readonly status?: PeerStatus;
}

/** Who the peer is and where it is reached. */
export interface PeerSpec {
  /** The peer's router name in the fabric. */
  readonly router: string;
  /** Addresses of the peer's nodes. */
  readonly waypoints?: readonly PeerSpecWaypoint[];
  /** Who can open sessions to whom. OutboundOnly - we reach it, it cannot reach us. InboundOnly - the reverse. */
  readonly connectivity: 'Bidirectional' | 'OutboundOnly' | 'InboundOnly';
  /** Form of the packets on the wire. Auto leaves clear TCP as TCP and puts the rest into UDP; SinglePort uses one UDP port for all. */
  readonly transport: 'Auto' | 'Native' | 'UDP' | 'SinglePort';
  /** PerService follows the services; Always seals every payload on links that are not trusted. */
  readonly encryption: 'PerService' | 'Always';
  /** How the paths to the peer are watched. */
  readonly liveness?: PeerSpecLiveness;
}

/** One address of one node. */
export interface PeerSpecWaypoint {
  /** The peer's name of this waypoint. Keys are derived for the node it stands for. */
  readonly name: string;
  /** The node, when it has several waypoints. Without it, the waypoint's name. */
  readonly node?: string;
  /** The address at which the node sends and receives sessions. */
  readonly address: string;
  /** Our own waypoint for this path. Without it, the node's first of the same family. */
  readonly localAddress?: string;
  /** The lower, the earlier the waypoint is used. */
  readonly cost: number;
  /** Largest IP packet that the path carries, in bytes. Without it, the interface's. */
  readonly mtu?: number;
}

/** How the paths to the peer are watched. */
export interface PeerSpecLiveness {
  /** Time between two probes. */
  readonly interval: string;
  /** Probes in a row without answer after which a path is down. */
  readonly multiplier: number;
}

/** What the operator observed. Written by the operator only. */
export interface PeerStatus {
  /** The newest generation that the operator has looked at. */
  readonly observedGeneration?: number;
  /** The paths to the peer, as the nodes see them. */
  readonly paths?: readonly PeerStatusPath[];
  /** What the operator found. Accepted: the object makes sense. ResolvedRefs: everything it names exists. Programmed: every node concerned runs this generation. Ready: all of it, in one word. */
  readonly conditions?: readonly Condition[];
}

/** One pair of waypoints. */
export interface PeerStatusPath {
  /** Our waypoint's address. */
  readonly local: string;
  /** The peer's waypoint's address. */
  readonly remote: string;
  /** Whether the path carries packets. */
  readonly state: 'Up' | 'Suspect' | 'Down' | 'Unknown';
  /** Round-trip time. */
  readonly latency?: string;
  /** Variation of the one-way delay. */
  readonly jitter?: string;
  /** Share of lost packets, in percent. */
  readonly loss?: string;
  /** Mean opinion score of a call over the path. */
  readonly mos?: string;
  /** Largest IP packet that the path carries, in bytes. */
  readonly mtu?: number;
  /** Form of the packets on the wire. */
  readonly transport?: string;
  /** Sessions that use the path now. */
  readonly sessions?: number;
  /** When the state last changed. */
  readonly since?: string;
}
