export interface Metadata {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly generation?: number | undefined;
  readonly creationTimestamp?: string | undefined;
}
export interface Tenant {
  readonly kind: 'Tenant';
  readonly metadata: Metadata;
  readonly spec: { readonly members?: readonly TenantMember[] | undefined };
}
export interface TenantMember {
  readonly namespaceSelector?: unknown;
  readonly podSelector?: unknown;
  readonly serviceAccounts?: readonly unknown[];
  readonly cidrs?: readonly string[];
  readonly interface?: string;
}
export interface Service {
  readonly kind: 'Service';
  readonly metadata: Metadata;
  readonly spec: {
    readonly address?: 'Auto' | 'Fixed';
    readonly addresses?: readonly string[];
    readonly ports?: readonly ServicePort[];
    readonly access?: readonly { readonly tenant: string; readonly action?: 'Allow' | 'Deny' }[];
    readonly scope?: 'Private' | 'Public';
    readonly security?: { readonly encryption?: 'Adaptive' | 'Always' | 'Never'; readonly integrity?: 'Metadata' | 'PerPacket' };
    readonly sourceAddress?: 'Auto' | 'Preserve' | 'Hide';
    readonly path?: {
      readonly sla?: unknown;
      readonly bestEffort?: boolean;
      readonly criterion?: string;
      readonly spread?: 'Hunt' | 'Proportional';
      readonly resiliency?: string;
    };
    readonly qos?: unknown;
    readonly sessions?: { readonly idleTimeout?: string };
    readonly export?: boolean;
  };
}
export interface ServicePort {
  readonly protocol: 'TCP' | 'UDP' | 'ICMP' | 'IP';
  readonly port?: number;
  readonly endPort?: number;
  readonly number?: number;
}
export interface ServiceRoute {
  readonly kind: 'ServiceRoute';
  readonly metadata: Metadata;
  readonly spec: {
    readonly service: string;
    readonly peers?: readonly { readonly name: string; readonly cost?: number }[];
    readonly endpoints?: unknown;
    readonly targets?: readonly { readonly address: string; readonly port?: number; readonly weight?: number }[];
    readonly health?: unknown;
    readonly capacity?: { readonly maxSessions?: number; readonly sessionRate?: number; readonly highWater?: number; readonly lowWater?: number };
  };
}
export interface Peer {
  readonly kind: 'Peer';
  readonly metadata: Metadata;
  readonly spec: {
    readonly router: string;
    readonly waypoints?: readonly PeerWaypoint[];
    readonly connectivity?: string;
    readonly transport?: 'Auto' | 'Native' | 'UDP' | 'SinglePort';
    readonly encryption?: 'PerService' | 'Always';
    readonly liveness?: unknown;
  };
}
export interface PeerWaypoint {
  readonly name: string;
  readonly node?: string;
  readonly address: string;
  readonly localAddress?: string;
  readonly cost?: number;
  readonly mtu?: number;
}
