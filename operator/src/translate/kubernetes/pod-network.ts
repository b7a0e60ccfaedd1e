import type { KubernetesNode } from '../../api/kubernetes-objects.ts';
import type { RouterConfig } from '../../api/router-config.ts';
import { sortedBy } from '../../ir/canonical.ts';
import type { PodNetworkIr, PodPrefixIr } from '../../ir/fabric-ir.ts';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../../ir/prefix.ts';
import { routerProblems } from '../input.ts';
import { listed } from '../listed.ts';
import type { Outcome, Problem } from '../problem.ts';

/** The pod network, where Quiver is the whole of it: each node's prefixes and its address for each. */
export function translatePodNetwork(
  router: RouterConfig,
  nodes: readonly KubernetesNode[],
): Outcome<{ readonly podNetwork?: PodNetworkIr }> {
  const { kubernetes: settings } = router;
  if (settings?.mode !== 'Primary') return { value: {}, problems: [] };
  const sorted = sortedBy(nodes, ({ name }) => name);
  const read = sorted.map((node) => ({ name: node.name, ...prefixesOf(node) }));
  const podNetwork: PodNetworkIr = {
    mtu: settings.mtu,
    masquerade: settings.masquerade,
    nodes: read.filter(({ prefixes }) => prefixes.length > 0).map(({ name, prefixes }) => ({ name, prefixes })),
  };
  const without = read.filter(({ given }) => given === 0).map(({ name }) => name);
  const mistakes = read.flatMap((node) => node.mistakes);
  return { value: { podNetwork }, problems: [...absent(router, without), ...wrong(router, mistakes)] };
}

interface ReadPrefixes {
  readonly prefixes: readonly PodPrefixIr[];
  /** How many the Node names. */
  readonly given: number;
  readonly mistakes: readonly string[];
}

function prefixesOf({ name, podCidrs, addresses }: KubernetesNode): ReadPrefixes {
  const prefixes = new Map<number, PodPrefixIr>();
  const mistakes: string[] = [];
  for (const text of podCidrs) {
    const prefix = parsePrefix(text);
    const internal = addresses.toSorted(
      (one, other) => Number(other.type === 'InternalIP') - Number(one.type === 'InternalIP'),
    );
    const own = internal.flatMap(({ address }) => parseAddress(address) ?? []);
    const via = own.find(({ family }) => family === prefix?.family);
    if (prefix === undefined) mistakes.push(`podCIDR "${text}" of node ${name} is no prefix`);
    else if (prefixes.has(prefix.family))
      mistakes.push(`podCIDR ${text} of node ${name} is a second one of its family`);
    else if (via === undefined) mistakes.push(`node ${name} has podCIDR ${text} and no IPv${prefix.family} address`);
    else prefixes.set(prefix.family, { cidr: formatPrefix(prefix), via: formatAddress(via) });
  }
  const sorted = [...prefixes].sort(([one], [other]) => one - other).map(([, prefix]) => prefix);
  return { prefixes: sorted, given: podCidrs.length, mistakes };
}

function absent(router: RouterConfig, names: readonly string[]): readonly Problem[] {
  if (names.length === 0) return [];
  const who = names.length === 1 ? `node ${listed(names)} has` : `nodes ${listed(names)} have`;
  const message = `${who} no podCIDR, so pods there get no address; let the controller manager hand them out (--allocate-node-cidrs, --cluster-cidr)`;
  return [routerProblems(router)('NodeUnusable', 'kubernetes.mode', message)];
}

function wrong(router: RouterConfig, mistakes: readonly string[]): readonly Problem[] {
  if (mistakes.length === 0) return [];
  const message = `${listed(mistakes)}; pods there get no address of this prefix`;
  return [routerProblems(router)('NodeUnusable', 'kubernetes.mode', message)];
}
