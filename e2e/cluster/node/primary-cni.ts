import { devices, type NodePlan, shared } from '../network/plan.ts';

/** Pod CIDRs that a node was given, one of each family. */
export interface PodCidrs {
  readonly v4: string;
  readonly v6: string;
}

/** Name of the file; a chained plugin sorts its own beside it. */
export const primaryConflist = '10-bridge.conflist';

/** The plain primary plugin: a bridge, and addresses from the node's own CIDRs. */
export function bridgeConflist({ v4, v6 }: PodCidrs): string {
  const ranges = [[{ subnet: v4 }], [{ subnet: v6 }]];
  const ipam = { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, ipam };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  return `${JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [bridge, portmap] }, undefined, 2)}\n`;
}

/** Routes from one node to the pods of another, over the nodes' own network. */
export function podRoutes(other: NodePlan, { v4, v6 }: PodCidrs): string {
  return `ip route replace ${v4} via ${other.internal.v4} dev ${devices.internal}
    ip -6 route replace ${v6} via ${other.internal.v6} dev ${devices.internal}`;
}

/**
 * What leaves the cluster bears the node's address, as with most primary plugins, service addresses included: their
 * routes may not count on seeing a pod's own address behind this hook.
 */
export function masquerading(): string {
  const { podCidrs, serviceCidrs } = shared;
  return `nft -f - <<'RULES'
table inet pods {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${podCidrs.v4} ip daddr != { ${podCidrs.v4}, ${serviceCidrs.v4}, 172.18.0.0/24, 224.0.0.0/4 } masquerade
    ip6 saddr ${podCidrs.v6} ip6 daddr != { ${podCidrs.v6}, ${serviceCidrs.v6}, fd00:18::/64, ff00::/8 } masquerade
  }
}
RULES`;
}
