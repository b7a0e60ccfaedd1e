import { type Chain, places } from '../chain.ts';
import type { Way } from './way.ts';

/** Plain routing: what every other way is compared with. */
export async function routing(chain: Chain): Promise<Way> {
  await chain.routePlainly();
  return { name: 'routing', chain, target: places.server, pids: [], close: () => chain.remove() };
}

/** Destination and source NAT at both nodes, as kube-proxy or a NAT gateway does it: connection tracking and nftables. */
export async function nft(chain: Chain): Promise<Way> {
  const target = '198.18.0.1';
  await chain.a.must(['nft', '-f', '-'], natTable(target, places.wanB, places.wanA));
  await chain.b.must(['nft', '-f', '-'], natTable(places.wanB, places.server, places.lanB));
  return { name: 'nft', chain, target, pids: [], close: () => chain.remove() };
}

function natTable(from: string, to: string, source: string): string {
  return `table ip bench {
    chain pre { type nat hook prerouting priority dstnat; ip daddr ${from} dnat to ${to}; }
    chain post { type nat hook postrouting priority srcnat; ip daddr ${to} snat to ${source}; }
  }\n`;
}

/** A kernel tunnel in clear, as overlays use it. */
export async function vxlan(chain: Chain): Promise<Way> {
  const ends = [
    { node: chain.a, own: places.wanA, other: places.wanB, inner: '10.8.0.1', far: '10.2.0.0/24', via: '10.8.0.2' },
    { node: chain.b, own: places.wanB, other: places.wanA, inner: '10.8.0.2', far: '10.1.0.0/24', via: '10.8.0.1' },
  ];
  for (const { node, own, other, inner, far, via } of ends) {
    await node.shell(`ip link add vx0 type vxlan id 42 local ${own} remote ${other} dstport 4789 dev wan0
      ip link set vx0 up; ip addr add ${inner}/24 dev vx0; ip route add ${far} via ${via}`);
  }
  return { name: 'vxlan', chain, target: places.server, pids: [], close: () => chain.remove() };
}
