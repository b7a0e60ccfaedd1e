import { formatPrefix, mergePrefixes, overlaps, type Prefix, parsePrefix } from '../../ir/prefix.ts';
import type { TranslateInput } from '../input.ts';
import { type Reserved, reserve } from '../reserved.ts';

/** Addresses that belong to the cluster, so that neither a service nor a pool can have them. */
export interface ClusterAddresses {
  readonly reserved: readonly Reserved[];
  /** Prefixes of pods: those of the router file and those of the Nodes, joined where they touch. */
  readonly podPrefixes: readonly Prefix[];
}

/** Collects the addresses of the cluster; none in standalone mode. */
export function clusterAddresses({ router, kubernetes }: TranslateInput): ClusterAddresses {
  if (kubernetes === undefined) return { reserved: [], podPrefixes: [] };
  const { podCidrs = [], serviceCidrs = [] } = router.kubernetes ?? {};
  const named = [...podCidrs, ...kubernetes.nodes.flatMap((node) => node.podCidrs)];
  const podPrefixes = mergePrefixes(named.flatMap((text) => parsePrefix(text) ?? []));
  const pods = podPrefixes.map((prefix) => ({ prefix, what: `the pod CIDR ${formatPrefix(prefix)}` }));
  const services = serviceCidrs.flatMap((text) => reserve(text, `the service CIDR ${text}`));
  const nodes = kubernetes.nodes.flatMap(({ name, addresses }) =>
    addresses.flatMap(({ address }) => reserve(address, `address ${address} of node ${name}`)),
  );
  return { reserved: [...pods, ...services, ...nodes], podPrefixes };
}

/** Addresses of core Services, which kube-proxy has taken already. */
export interface CoreAddresses {
  readonly all: readonly Reserved[];
  /** Those that a pool of the router would take away. */
  readonly inPools: readonly Reserved[];
}

/** Collects the addresses of core Services; ours have none of their own. */
export function coreAddresses({ router, kubernetes }: TranslateInput): CoreAddresses {
  const pools = [...router.servicePool, ...router.returnPool].flatMap((text) => parsePrefix(text) ?? []);
  const all = (kubernetes?.coreServices ?? []).flatMap(({ namespace, name, clusterIps }) =>
    clusterIps.flatMap((address) => reserve(address, `address ${address} of core Service ${namespace}/${name}`)),
  );
  return { all, inPools: all.filter(({ prefix }) => pools.some((pool) => overlaps(pool, prefix))) };
}
