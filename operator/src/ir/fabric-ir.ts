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
  /** Pods with a network of their own that are on a node, by uid; none in standalone mode. */
  readonly pods: readonly PodIr[];
  /** Only where Quiver is the cluster's whole pod network. */
  readonly podNetwork?: PodNetworkIr;
  /** Services whose names the cluster's DNS shall answer; absent in standalone mode. */
  readonly dns?: readonly DnsNameIr[];
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
  /**
   * Targets are the endpoints of a core Service and equal to each other: those on the node first, shared among them. Otherwise
   * they are used in their order.
   */
  readonly isShared: boolean;
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
  /** Of an endpoint: the source it sees on its own node; from other nodes it sees theirs. */
  readonly source: TargetSourceName;
  /** The node it runs on; empty for a server that may be anywhere. */
  readonly node: string;
  /** It keeps the sessions it has and gets no new ones. */
  readonly isDraining: boolean;
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

export interface PodIr {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** Empty = in no tenant. */
  readonly tenant: string;
  /** As the API server knows them; none before the pod has started. */
  readonly addresses: readonly string[];
}

export interface PodNetworkIr {
  /** 0 = the uplink's. */
  readonly mtu: number;
  readonly masquerade: boolean;
  /** By name. */
  readonly nodes: readonly PodNetworkNodeIr[];
}

export interface PodNetworkNodeIr {
  readonly name: string;
  /** Where the node's pods get their addresses, and the node's address for each: at most one of each family. */
  readonly prefixes: readonly PodPrefixIr[];
}

export interface PodPrefixIr {
  readonly cidr: string;
  /** Address of the node, by which its pods are reached from other nodes. */
  readonly via: string;
}

export interface DnsNameIr {
  /** namespace/name of the service. */
  readonly service: string;
  /** Addresses that the name stands for. */
  readonly addresses: readonly string[];
  readonly ports: readonly DnsPortIr[];
}

export interface DnsPortIr {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}
