// Generated from crds/ by `npm run gen`. Do not edit.

import type { Condition, ObjectMeta } from './object.gen.ts';

/** A named destination with an access list. Known in the whole fabric as namespace/name. Nothing reaches it unless access names the tenant or the scope is Public. */
export interface SvrService {
  readonly apiVersion: 'quiver.dev/v1alpha1';
  readonly kind: 'Service';
  readonly metadata: ObjectMeta;
  readonly spec: ServiceSpec;
  readonly status?: ServiceStatus;
}

/** What is offered, to whom, and how its sessions are treated. */
export interface ServiceSpec {
  /** Where the address comes from that clients dial. Auto takes one from the router's servicePool; Fixed uses addresses. Without it, Fixed when addresses are given, else Auto. */
  readonly address?: 'Auto' | 'Fixed';
  /** Prefixes that clients dial. Several services may share a prefix when their ports differ; the longest prefix wins. */
  readonly addresses?: readonly string[];
  /** Protocols and ports that belong to the service. Without it, every protocol and port. */
  readonly ports?: readonly ServiceSpecPort[];
  /** Which tenants may open sessions, the most specific entry first in effect. A tenant's children are included. Nobody when it is empty and the scope is Private. */
  readonly access?: readonly ServiceSpecAccessEntry[];
  /** Private admits the tenants of access; Public admits every source, except what access denies. */
  readonly scope: 'Private' | 'Public';
  /** Protection of the payload between the routers. Metadata is always protected. */
  readonly security: ServiceSpecSecurity;
  /** The source that the server sees. Preserve keeps the client's address, Hide replaces it, Auto keeps it where replies are sure to come back. */
  readonly sourceAddress: 'Auto' | 'Preserve' | 'Hide';
  /** How a path is chosen and kept. */
  readonly path: ServiceSpecPath;
  /** Priority and rate of the service's sessions. */
  readonly qos?: ServiceSpecQos;
  /** Life of sessions. */
  readonly sessions?: ServiceSpecSessions;
  /** Whether the service is offered to peers. A service that is not exported is reached from this router only. */
  readonly export: boolean;
}

/** One protocol with one port, a range, or all of its ports. */
export interface ServiceSpecPort {
  /** TCP, UDP, ICMP (ICMPv6 included), or IP for any other protocol by number. */
  readonly protocol: 'TCP' | 'UDP' | 'ICMP' | 'IP';
  /** The port, or the first of a range. Without it, every port. */
  readonly port?: number;
  /** The last port of the range, included. */
  readonly endPort?: number;
  /** The protocol's number for protocol IP, for example 47 for GRE or 132 for SCTP. */
  readonly number?: number;
}

/** One tenant with its children. */
export interface ServiceSpecAccessEntry {
  /** The tenant's name. */
  readonly tenant: string;
  /** Whether the tenant is admitted. Deny takes a child out of what its parent may. */
  readonly action: 'Allow' | 'Deny';
}

/** Protection of the payload between the routers. Metadata is always protected. */
export interface ServiceSpecSecurity {
  /** Adaptive seals what is not encrypted already; Always seals everything; Never seals nothing. */
  readonly encryption: 'Adaptive' | 'Always' | 'Never';
  /** Metadata authenticates what opens and controls a session; PerPacket authenticates every packet of a clear session too (16 bytes each). */
  readonly integrity: 'Metadata' | 'PerPacket';
}

/** How a path is chosen and kept. */
export interface ServiceSpecPath {
  /** What a path must fulfil to be used. */
  readonly sla?: ServiceSpecPathSla;
  /** Whether a path that misses the sla is used when there is no better one. */
  readonly bestEffort?: boolean;
  /** What makes one path better than another that also fulfils the sla. */
  readonly criterion: 'Cost' | 'Latency' | 'MOS';
  /** Hunt fills the best peer or target before the next; Proportional shares by weight. Endpoints of a core Service share in either case. */
  readonly spread: 'Hunt' | 'Proportional';
  /** What happens to a session when its path fails. Failover moves it; RevertibleFailover moves it back, too; Duplicate sends over two paths; ErrorCorrection adds parity. */
  readonly resiliency: 'None' | 'Failover' | 'RevertibleFailover' | 'Duplicate' | 'ErrorCorrection';
}

/** What a path must fulfil to be used. */
export interface ServiceSpecPathSla {
  /** Highest share of lost packets, in percent. */
  readonly maxLoss?: string;
  /** Highest round-trip time. */
  readonly maxLatency?: string;
  /** Highest variation of the one-way delay. */
  readonly maxJitter?: string;
  /** Lowest mean opinion score of a call over the path, from 1.0 to 5.0. */
  readonly minMos?: string;
}

/** Priority and rate of the service's sessions. */
export interface ServiceSpecQos {
  /** The queue when packets wait. */
  readonly class?: 'High' | 'Medium' | 'Low' | 'BestEffort';
  /** DSCP value that packets carry between the routers. */
  readonly dscp?: number;
  /** Upper limits, in bits per second. */
  readonly rate?: ServiceSpecQosRate;
}

/** Upper limits, in bits per second. */
export interface ServiceSpecQosRate {
  /** Of one session. */
  readonly perSession?: string;
  /** Of all sessions of the service on one node. */
  readonly total?: string;
}

/** Life of sessions. */
export interface ServiceSpecSessions {
  /** A session ends when it was silent for so long. Without it, by protocol - TCP 1900s, UDP 180s, ICMP 10s. */
  readonly idleTimeout?: string;
}

/** What the operator observed. Written by the operator only. */
export interface ServiceStatus {
  /** The newest generation that the operator has looked at. */
  readonly observedGeneration?: number;
  /** The address that clients of this router dial; the first, when there are several. */
  readonly address?: string;
  /** All addresses that clients of this router dial. */
  readonly addresses?: readonly string[];
  /** Sessions that are open now, on all nodes of this router. */
  readonly sessions?: number;
  /** Service routes that lead to the service from this router. */
  readonly routes?: number;
  /** What the operator found. Accepted: the object makes sense. ResolvedRefs: everything it names exists. Programmed: every node concerned runs this generation. Ready: all of it, in one word. DNSPublished: the cluster's DNS answers for its name, which Ready does not ask for. */
  readonly conditions?: readonly Condition[];
}
