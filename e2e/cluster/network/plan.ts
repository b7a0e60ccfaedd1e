/** An address of each family. */
export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/**
 * What both clusters use alike, on purpose: pods, Services, cluster DNS and the nodes among themselves. Nothing but
 * the addresses towards the wide area network tells the clusters apart.
 */
export const shared = {
  podCidrs: { v4: '10.244.0.0/16', v6: 'fd00:10:244::/56' },
  serviceCidrs: { v4: '10.96.0.0/16', v6: 'fd00:10:96::/112' },
  /** Address of the Service `kubernetes`, the first of its range. */
  apiService: { v4: '10.96.0.1', v6: 'fd00:10:96::1' },
  dnsService: '10.96.0.10',
  nodePrefixLengths: { v4: 24, v6: 64 },
} as const;

/** Devices of every node: among the nodes of a cluster, and towards the world. */
export const devices = { internal: 'eth0', wan: 'eth1' } as const;

/** One node: a machine of its own as far as anybody can tell. */
export interface NodePlan {
  /** Name in its cluster, unique in the lab: `alpha1`. */
  readonly name: string;
  readonly cluster: string;
  readonly isControlPlane: boolean;
  /** InternalIP of the node; the same in the other cluster. */
  readonly internal: Addresses;
  /** What the other cluster's routers see: its waypoint. */
  readonly wan: Addresses;
}

/** A network behind the router of the lab. */
export interface SitePlan {
  readonly name: string;
  /** The router's own addresses there. */
  readonly gateway: Addresses;
}

export interface ClusterPlan extends SitePlan {
  readonly nodes: readonly NodePlan[];
}

/** Which primary CNI plugin a cluster starts with: a plain bridge, or none, so that nodes wait for another's. */
export type PrimaryCni = 'bridge' | 'none';

function clusterPlan(name: string, v4: string, v6: string): ClusterPlan {
  const nodes = [11, 12].map((host, index) => ({
    name: `${name}${index + 1}`,
    cluster: name,
    isControlPlane: index === 0,
    internal: { v4: `172.18.0.${host}`, v6: `fd00:18::${host}` },
    wan: { v4: `${v4}.${host}`, v6: `${v6}::${host}` },
  }));
  return { name, gateway: { v4: `${v4}.1`, v6: `${v6}::1` }, nodes };
}

/** The two clusters of every lab. */
export const clusterPlans: readonly ClusterPlan[] = [
  clusterPlan('alpha', '198.51.100', '2001:db8:a'),
  clusterPlan('beta', '203.0.113', '2001:db8:b'),
];

/** A third cluster, brought up by the scenarios that want one without any CNI plugin of others. */
export const primaryPlan: ClusterPlan = clusterPlan('gamma', '100.64.3', '2001:db8:d');

/** A machine without Kubernetes. */
export interface VmPlan extends SitePlan {
  readonly wan: Addresses;
}

export const vmPlan: VmPlan = {
  name: 'vm',
  gateway: { v4: '192.0.2.1', v6: '2001:db8:c::1' },
  wan: { v4: '192.0.2.11', v6: '2001:db8:c::11' },
};
