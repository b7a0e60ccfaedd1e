import type { Chain } from '../chain.ts';

/** One way to carry traffic from client to server, ready for use on a chain of its own. */
export interface Way {
  readonly name: WayName;
  readonly chain: Chain;
  /** What the client dials. */
  readonly target: string;
  /** Programs at the two nodes that carry the packets; none where the kernel does. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

export const wayNames = [
  'routing',
  'nft',
  'vxlan',
  'wireguard-go',
  'tailscale',
  'boringtun',
  'quiver-clear',
  'quiver-sealed',
  'quiver-compat',
] as const;

export type WayName = (typeof wayNames)[number];

/** User-space programs that seal what they carry. */
export const sealedPeers: readonly WayName[] = ['wireguard-go', 'tailscale', 'boringtun'];
