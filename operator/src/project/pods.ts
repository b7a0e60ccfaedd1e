import type { LocalPod, PodNetwork, PodRoute } from '@quiver/dataplane-api';
import type { FabricIr, PodIr, PodNetworkIr, PodNetworkNodeIr } from '../ir/fabric-ir.ts';

// Made once for a list and for a pod, which never change.
const localPods = new WeakMap<PodIr, LocalPod>();
const podsByNode = new WeakMap<readonly PodIr[], ReadonlyMap<string, LocalPod[]>>();

/** The pods on one node. */
export function projectPods({ pods }: Pick<FabricIr, 'pods'>, node: string): LocalPod[] {
  const known = podsByNode.get(pods) ?? groupByNode(pods);
  podsByNode.set(pods, known);
  return known.get(node) ?? [];
}

function groupByNode(pods: readonly PodIr[]): ReadonlyMap<string, LocalPod[]> {
  const groups = new Map<string, LocalPod[]>();
  for (const pod of pods) {
    const local = localPods.get(pod) ?? localPod(pod);
    localPods.set(pod, local);
    const group = groups.get(pod.node);
    if (group === undefined) groups.set(pod.node, [local]);
    else group.push(local);
  }
  return groups;
}

function localPod({ uid, namespace, name, tenant, addresses }: PodIr): LocalPod {
  return { uid, namespace, name, tenant, addresses: [...addresses] };
}

// The routes to all nodes, and the view of each node.
const networkViews = new WeakMap<PodNetworkIr, Map<string, PodNetwork>>();
const routesTo = new WeakMap<PodNetworkNodeIr, PodRoute[]>();

/** The pod network as one node sees it: its own prefixes, and the way to those of the other nodes. */
export function projectPodNetwork(network: PodNetworkIr | undefined, node: string): PodNetwork | undefined {
  if (network === undefined) return undefined;
  const views = networkViews.get(network) ?? new Map<string, PodNetwork>();
  networkViews.set(network, views);
  const known = views.get(node) ?? viewFrom(network, node);
  views.set(node, known);
  return known;
}

function viewFrom(network: PodNetworkIr, node: string): PodNetwork {
  const own = network.nodes.find(({ name }) => name === node);
  return {
    ownCidrs: (own?.prefixes ?? []).map(({ cidr }) => cidr),
    routes: network.nodes.flatMap((other) => (other === own ? [] : routesOf(other))),
    mtu: network.mtu,
    masquerade: network.masquerade,
  };
}

function routesOf(node: PodNetworkNodeIr): PodRoute[] {
  const known = routesTo.get(node) ?? node.prefixes.map(({ cidr, via }) => ({ cidr, via }));
  routesTo.set(node, known);
  return known;
}
