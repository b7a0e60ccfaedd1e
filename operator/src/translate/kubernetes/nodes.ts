import type { KubernetesNode } from '../../api/kubernetes-objects.ts';
import type { KubernetesSettings, RouterConfig } from '../../api/router-config.ts';
import { sortedBy } from '../../ir/canonical.ts';
import type { NodeIr } from '../../ir/fabric-ir.ts';
import { contains, formatAddress, parseAddress, parsePrefix } from '../../ir/prefix.ts';
import { routerProblems } from '../input.ts';
import { listed } from '../listed.ts';
import type { Outcome, Problem } from '../problem.ts';

/** A node's waypoints at most: more addresses of one machine are not more ways. */
const maxWaypoints = 8;

interface Candidate {
  readonly node: KubernetesNode;
  readonly addresses: readonly string[];
  readonly mistakes: readonly string[];
}

/** The cluster's nodes with their waypoints. A node without a usable address takes no part and is told. */
export function nodesOfCluster(
  router: RouterConfig,
  nodes: readonly KubernetesNode[],
  pools: readonly string[],
): Outcome<readonly NodeIr[]> {
  const wanted = router.kubernetes?.waypointAddress ?? 'InternalIP';
  const owners = new Map<string, string>();
  const candidates = sortedBy(nodes, ({ name }) => name).map((node) => candidateOf(node, { wanted, pools, owners }));
  const usable = candidates.filter(({ addresses }) => addresses.length > 0);
  const value = usable.map(({ node, addresses }) => ({
    name: node.name,
    waypoints: addresses.map((address, index) => ({ name: `wan${index}`, address })),
  }));
  return { value, problems: [...mistakeProblems(router, candidates), ...absentProblems(router, wanted, candidates)] };
}

interface Surroundings {
  readonly wanted: KubernetesSettings['waypointAddress'];
  readonly pools: readonly string[];
  /** Which node has an address already. */
  readonly owners: Map<string, string>;
}

function candidateOf(node: KubernetesNode, { wanted, pools, owners }: Surroundings): Candidate {
  const mistakes: string[] = [];
  const addresses: string[] = [];
  for (const text of textsOf(node, wanted)) {
    const address = parseAddress(text);
    const shown = address === undefined ? text : formatAddress(address);
    const mistake = mistakeOf(node, text, owners.get(shown), pools);
    if (mistake !== undefined) mistakes.push(mistake);
    else if (!addresses.includes(shown) && addresses.length < maxWaypoints) {
      addresses.push(shown);
      owners.set(shown, node.name);
    }
  }
  return { node, addresses, mistakes };
}

function textsOf(node: KubernetesNode, wanted: KubernetesSettings['waypointAddress']): readonly string[] {
  if (wanted !== 'Annotation') {
    return node.addresses.filter(({ type }) => type === wanted).map(({ address }) => address);
  }
  const texts = (node.waypointAnnotation ?? '').split(',').map((text) => text.trim());
  return texts.filter((text) => text !== '');
}

const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '::/127', 'ff00::/8', 'fe80::/10'].flatMap(
  (text) => parsePrefix(text) ?? [],
);

function mistakeOf(
  node: KubernetesNode,
  text: string,
  owner: string | undefined,
  pools: readonly string[],
): string | undefined {
  const host = text.includes('/') ? undefined : parsePrefix(text);
  if (host === undefined) return `"${text}" of node ${node.name} is no IPv4 or IPv6 address`;
  if (unusable.some((prefix) => contains(prefix, host)))
    return `${text} of node ${node.name} is no address that a peer could reach`;
  if (owner !== undefined && owner !== node.name) return `${text} of node ${node.name} is also node ${owner}'s`;
  const pool = pools.find((candidate) => {
    const prefix = parsePrefix(candidate);
    return prefix !== undefined && contains(prefix, host);
  });
  return pool === undefined ? undefined : `${text} of node ${node.name} lies in pool ${pool} of this router`;
}

function mistakeProblems(router: RouterConfig, candidates: readonly Candidate[]): readonly Problem[] {
  const mistakes = candidates.flatMap((candidate) => candidate.mistakes);
  if (mistakes.length === 0) return [];
  const message = `${listed(mistakes)}; such an address is no waypoint`;
  return [routerProblems(router)('NodeUnusable', 'kubernetes.waypointAddress', message)];
}

function absentProblems(
  router: RouterConfig,
  wanted: KubernetesSettings['waypointAddress'],
  candidates: readonly Candidate[],
): readonly Problem[] {
  const without = candidates.filter(({ addresses }) => addresses.length === 0).map(({ node }) => node.name);
  if (without.length === 0) return [];
  const what = wanted === 'Annotation' ? 'annotation quiver.dev/waypoint with an address' : wanted;
  const way =
    wanted === 'Annotation'
      ? 'annotate it: kubectl annotate node NAME quiver.dev/waypoint=ADDRESS'
      : 'set waypointAddress to Annotation and annotate each node with quiver.dev/waypoint';
  const who = without.length === 1 ? `node ${listed(without)} has` : `nodes ${listed(without)} have`;
  const message = `${who} no usable ${what} and cannot take part; ${way}`;
  return [routerProblems(router)('NodeUnusable', 'kubernetes.waypointAddress', message)];
}
