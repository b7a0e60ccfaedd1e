// Generated from crds/ by `npm run gen`. Do not edit.

import type { Condition, ObjectMeta } from './object.gen.ts';

/** How this router reaches one service: over peers, to the ready endpoints of a core Service, or to fixed servers. Several routes of one service complement each other. */
export interface ServiceRoute {
  readonly apiVersion: 'quiver.dev/v1alpha1';
  readonly kind: 'ServiceRoute';
  readonly metadata: ObjectMeta;
  readonly spec: ServiceRouteSpec;
  readonly status?: ServiceRouteStatus;
}

/** Where sessions of one service go from this router. */
export interface ServiceRouteSpec {
  /** Name of a Service of this namespace. */
  readonly service: string;
  /** Over these peers, the cheapest first. */
  readonly peers?: readonly ServiceRouteSpecPeer[];
  /** To the endpoints of a core Service of this namespace. Those that are ready share new sessions, on each node its own first; one that is not ready keeps the sessions it has. A Service with a range of ports keeps the port that the client dialled; otherwise the endpoints' port is used. */
  readonly endpoints?: ServiceRouteSpecEndpoints;
  /** To these servers. */
  readonly targets?: readonly ServiceRouteSpecTarget[];
  /** How targets are probed. Without it, a target is taken to be healthy. */
  readonly health?: ServiceRouteSpecHealth;
  /** How much the route takes before the next one is used. */
  readonly capacity?: ServiceRouteSpecCapacity;
}

/** One peer. */
export interface ServiceRouteSpecPeer {
  /** Name of a Peer. */
  readonly name: string;
  /** The lower, the earlier the peer is used. */
  readonly cost: number;
}

/** To the endpoints of a core Service of this namespace. Those that are ready share new sessions, on each node its own first; one that is not ready keeps the sessions it has. A Service with a range of ports keeps the port that the client dialled; otherwise the endpoints' port is used. */
export interface ServiceRouteSpecEndpoints {
  /** Name of the core Service. */
  readonly service: string;
  /** Port of the core Service, by number or name. */
  readonly port: number | string;
}

/** One server. */
export interface ServiceRouteSpecTarget {
  /** Its IPv4 or IPv6 address. */
  readonly address: string;
  /** Its port. Without it, the port that the client dialled. */
  readonly port?: number;
  /** Its share of the sessions with spread Proportional. */
  readonly weight: number;
}

/** How targets are probed. Without it, a target is taken to be healthy. */
export interface ServiceRouteSpecHealth {
  /** TCP opens a connection, HTTP asks for path, ICMP pings. */
  readonly probe: 'TCP' | 'HTTP' | 'ICMP';
  /** The port that is probed. Without it, the target's own. */
  readonly port?: number;
  /** The path that an HTTP probe asks for; an answer from 200 to 399 is healthy. */
  readonly path?: string;
  /** Time between two probes of one target. */
  readonly interval: string;
  /** Time after which a probe has failed. */
  readonly timeout: string;
  /** Failed probes in a row after which a target is not healthy. */
  readonly failures: number;
  /** Successful probes in a row after which it is healthy again. */
  readonly successes: number;
}

/** How much the route takes before the next one is used. */
export interface ServiceRouteSpecCapacity {
  /** Sessions at the same time, on one node. */
  readonly maxSessions?: number;
  /** New sessions per second, on one node. */
  readonly sessionRate?: number;
  /** Percentage of maxSessions at which the route stops taking new sessions. */
  readonly highWater?: number;
  /** Percentage of maxSessions at which it takes new sessions again. */
  readonly lowWater?: number;
}

/** What the operator observed. Written by the operator only. */
export interface ServiceRouteStatus {
  /** The newest generation that the operator has looked at. */
  readonly observedGeneration?: number;
  /** The servers in use. */
  readonly targets?: readonly ServiceRouteStatusTarget[];
  /** What the operator found. Accepted: the object makes sense. ResolvedRefs: everything it names exists. Programmed: every node concerned runs this generation. Ready: all of it, in one word. */
  readonly conditions?: readonly Condition[];
}

/** One server. */
export interface ServiceRouteStatusTarget {
  /** Its address. */
  readonly address: string;
  /** Its port; absent when it is the one that the client dialled. */
  readonly port?: number;
  /** Whether it gets new sessions. */
  readonly healthy: boolean;
  /** Sessions to it that are open now. */
  readonly sessions?: number;
}
