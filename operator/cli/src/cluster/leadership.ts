import type { Cluster, KubeObject } from './cluster.ts';

/** Who leads the operator's replicas, by their lease. */
export interface Leadership {
  /** Name of the leading pod; empty when nobody leads. */
  readonly holder: string;
  readonly epoch: string;
  /** Milliseconds since the leader showed itself last. */
  readonly ageMs: number;
  /** It showed itself within the lease's time. */
  readonly isFresh: boolean;
}

interface LeaseJson {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

const leaseEnding = 'operator';

/** Reads the operator's lease; undefined when there is none yet. */
export async function leadershipOf(cluster: Cluster, namespace: string): Promise<Leadership | undefined> {
  const leases = await cluster.list(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
  const lease =
    leases.find(({ metadata }) => metadata.name === `quiver-${leaseEnding}`) ??
    leases.find(({ metadata }) => metadata.name.endsWith(`-${leaseEnding}`));
  return lease === undefined ? undefined : read(lease, cluster.now());
}

function read(lease: KubeObject, now: number): Leadership {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 15 } = (lease as LeaseJson).spec ?? {};
  const ageMs = Math.max(0, now - Date.parse(renewTime)) || 0;
  return {
    holder: podOf(holderIdentity),
    epoch: lease.metadata.annotations?.['quiver.dev/epoch'] ?? '',
    ageMs,
    isFresh: holderIdentity !== '' && renewTime !== '' && ageMs <= leaseDurationSeconds * 1000,
  };
}

// The operator adds what makes each of its lives another one: `pod_unique`.
function podOf(identity: string): string {
  return identity.split('_', 1)[0] ?? '';
}
