import type { RouterConfig } from '../api/router-config.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { NodeIr } from '../ir/fabric-ir.ts';
import { formatAddress, overlaps, type Prefix, parseAddress, parsePrefix } from '../ir/prefix.ts';
import { routerProblems, type TranslateInput } from './input.ts';
import { clusterAddresses } from './kubernetes/addresses.ts';
import { nodesOfCluster } from './kubernetes/nodes.ts';
import type { Outcome, Problem } from './problem.ts';
import type { Reserved } from './reserved.ts';

/** What this router stands on: its own nodes and the prefixes that it can use. */
export interface Site {
  readonly router: string;
  /** By name. */
  readonly nodes: readonly NodeIr[];
  /** Without those that belong to the cluster. */
  readonly servicePool: readonly string[];
  readonly returnPool: readonly string[];
  /** Addresses that belong to the cluster: those of its pods, its machines, and prefixes of its core Services. */
  readonly cluster: readonly Reserved[];
  /** Prefixes of the cluster's pods. */
  readonly podPrefixes: readonly Prefix[];
}

/**
 * Finds out what the router stands on: by its own file, or by the cluster it is in. `coreServices` are addresses of core Services
 * in the router's pools.
 */
export function surveySite(input: TranslateInput, coreServices: readonly Reserved[]): Outcome<Site> {
  const { router } = input;
  const { reserved, podPrefixes } = clusterAddresses(input);
  const servicePool = usablePools(router, 'servicePool', [...reserved, ...coreServices]);
  const returnPool = usablePools(router, 'returnPool', [...reserved, ...coreServices]);
  const nodes = ownNodes(input, [...servicePool.value, ...returnPool.value]);
  const value: Site = {
    router: router.router,
    nodes: sortedBy(nodes.value, ({ name }) => name),
    servicePool: servicePool.value,
    returnPool: returnPool.value,
    cluster: reserved,
    podPrefixes,
  };
  return { value, problems: [...servicePool.problems, ...returnPool.problems, ...nodes.problems] };
}

function ownNodes(input: TranslateInput, pools: readonly string[]): Outcome<readonly NodeIr[]> {
  const { router, kubernetes } = input;
  if (router.nodes === undefined && kubernetes !== undefined) return nodesOfCluster(router, kubernetes.nodes, pools);
  const value = (router.nodes ?? []).map(({ name, waypoints }) => ({
    name,
    waypoints: waypoints.map((own) => ({ name: own.name, address: canonicalAddress(own.address) })),
  }));
  return { value, problems: [] };
}

// Routed to the engine, such a pool would take the cluster's own packets away from it.
function usablePools(
  router: RouterConfig,
  field: 'servicePool' | 'returnPool',
  reserved: readonly Reserved[],
): Outcome<readonly string[]> {
  const problems: Problem[] = [];
  const value = router[field].filter((text, index) => {
    const prefix = parsePrefix(text);
    const conflict = reserved.find((one) => prefix !== undefined && overlaps(one.prefix, prefix));
    if (conflict === undefined) return true;
    const message = `${text} meets ${conflict.what} and is not used; choose another prefix`;
    problems.push(routerProblems(router)('AddressReserved', `${field}[${index}]`, message));
    return false;
  });
  return { value, problems };
}

function canonicalAddress(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}
