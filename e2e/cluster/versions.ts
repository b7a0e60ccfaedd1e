import { createHash } from 'node:crypto';

/** Everything a node runs, pinned: two machines with the same file run the same cluster. */
export const versions = {
  kubernetes: '1.36.3',
  containerd: '2.4.2',
  etcd: '3.7.3',
  cniPlugins: '1.9.1',
  cnitool: '1.3.1',
  coredns: '1.14.6',
} as const;

/** How the programs are built; counted up when that changes, so that nobody uses what was built otherwise. */
const RECIPE = 1;

/** Names the folder of programs built from these versions. */
export function versionsHash(): string {
  const text = JSON.stringify([RECIPE, versions]);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
