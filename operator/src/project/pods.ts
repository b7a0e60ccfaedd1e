import type { LocalPod, PodNetwork } from '@quiver/dataplane-api';
import type { FabricIr, PodIr, PodNetworkIr } from '../ir/fabric-ir.ts';

// Made once for a list, which never changes.
const podsByNode = new WeakMap<readonly PodIr[], ReadonlyMap<string, LocalPod[]>>();

/** The pods on one node. */
export function projectPods({ pods }: Pick<FabricIr, 'pods'>, node: string): LocalPod[] {
  const known = podsByNode.get(pods) ?? groupByNode(pods);
  podsByNode.set(pods, known);
  return known.get(node) ?? [];
}

function groupByNode(pods: readonly PodIr[]): ReadonlyMap<string, LocalPod[]> {
  const groups = new Map<string, LocalPod[]>();
  for (const { uid, namespace, name, node, tenant, addresses } of pods) {
    const local = { uid, namespace, name, tenant, addresses: [...addresses] };
    const group = groups.get(node);
    if (group === undefined) groups.set(node, [local]);
    else group.push(local);
  }
  return groups;
}

/** The pod network as one node sees it: its own prefixes, and the way to those of the other nodes. */
export function projectPodNetwork(network: PodNetworkIr | undefined, node: string): PodNetwork | undefined {
  if (network === undefined) return undefined;
  const own = network.nodes.find(({ name }) => name === node);
  const others = network.nodes.filter((one) => one !== own);
  return {
    ownCidrs: (own?.prefixes ?? []).map(({ cidr }) => cidr),
    routes: others.flatMap(({ prefixes }) => prefixes.map(({ cidr, via }) => ({ cidr, via }))),
    mtu: network.mtu,
    masquerade: network.masquerade,
  };
}
