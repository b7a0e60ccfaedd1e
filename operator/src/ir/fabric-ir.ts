/** What this router shall do, fully resolved: no selectors, no reference to something absent, no secret bytes. */
export interface FabricIr {
  readonly fabric: string;
  readonly router: string;
  readonly nodes: readonly NodeIr[];
  /** Prefixes that clients dial: the service pool, and fixed service addresses outside of it. */
  readonly servicePool: readonly string[];
  readonly returnPool: readonly string[];
  readonly waypointPorts: PortSpan;
  readonly controlPort: number;
  readonly keySource: KeySourceIr;
  readonly metadata: 'Sealed' | 'Signed';
  readonly cipher: CipherName;
  readonly rejection: 'Tell' | 'Silent';
  readonly serviceMatch: 'BestOnly' | 'Any';
  readonly maxSessions: number;
  readonly fastPath: 'Auto' | 'Off';
  readonly tenants: readonly TenantIr[];
  readonly services: readonly ServiceIr[];
  readonly peers: readonly PeerIr[];
}

export type CipherName = 'AES-256-GCM' | 'AES-256-CBC-HMAC-SHA256-128';

export interface NodeIr {
  readonly name: string;
  /** In the user's order: the first of a family serves peer paths that name none. */
  readonly waypoints: readonly WaypointIr[];
}

export interface WaypointIr {
  readonly name: string;
  readonly address: string;
}

/** Both ends included. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

export interface KeySourceIr {
  readonly type: 'SharedSecret';
  readonly versions: readonly SecretVersionIr[];
  readonly active: number;
}

export interface SecretVersionIr {
  readonly version: number;
  readonly secretId: string;
  /** SHA-256 of the secret, hex. */
  readonly digest: string;
}

export interface TenantIr {
  /** child.parent */
  readonly name: string;
  readonly members: readonly TenantMemberIr[];
}

export interface TenantMemberIr {
  readonly cidr: string;
  readonly interface: string;
}

export interface ServiceIr {
  /** namespace/name */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ports: readonly PortRuleIr[];
  readonly access: readonly AccessRuleIr[];
  readonly scope: 'Private' | 'Public';
  readonly encryption: 'Adaptive' | 'Always' | 'Never';
  readonly integrity: 'Metadata' | 'PerPacket';
  /** 0 = by protocol. */
  readonly idleTimeoutSeconds: number;
  readonly spread: 'Hunt' | 'Proportional';
  readonly routes: readonly RouteIr[];
}

export interface PortRuleIr {
  /** IANA number; 1 stands for ICMP and ICMPv6. */
  readonly protocol: number;
  /** 0-0 = every port, and protocols without ports. */
  readonly first: number;
  readonly last: number;
}

export interface AccessRuleIr {
  readonly tenant: string;
  readonly action: 'Allow' | 'Deny';
}

export interface RouteIr {
  /** namespace/name of the ServiceRoute. */
  readonly name: string;
  readonly peers: readonly RoutePeerIr[];
  readonly targets: readonly RouteTargetIr[];
  /** 0 = no limit. */
  readonly maxSessions: number;
  /** How the targets are probed; without it they are taken to be healthy. */
  readonly health?: HealthIr;
}

export interface HealthIr {
  readonly probe: 'TCP' | 'HTTP';
  /** 0 = the target's own port. */
  readonly port: number;
  readonly path: string;
  readonly intervalMilliseconds: number;
  readonly timeoutMilliseconds: number;
  /** Failed probes in a row after which a target is not healthy. */
  readonly failures: number;
  /** Successful probes in a row after which it is healthy again. */
  readonly successes: number;
}

export interface RoutePeerIr {
  readonly router: string;
  readonly cost: number;
}

export interface RouteTargetIr {
  readonly address: string;
  /** 0 = the port the client dialled. */
  readonly port: number;
  readonly weight: number;
  readonly source: TargetSourceName;
}

/** The source address that the server sees. */
export type TargetSourceName = 'ReturnPool' | 'Node' | 'Preserve';

export interface PeerIr {
  readonly router: string;
  /** Name of the Peer object. */
  readonly name: string;
  readonly waypoints: readonly PeerWaypointIr[];
  readonly transport: 'Auto' | 'Native' | 'UDP';
  readonly alwaysEncrypt: boolean;
}

export interface PeerWaypointIr {
  readonly node: string;
  readonly address: string;
  readonly cost: number;
  /** Own waypoint of this path; empty = the first of the same family. */
  readonly localAddress: string;
  /** 0 = the uplink's MTU. */
  readonly mtu: number;
}
