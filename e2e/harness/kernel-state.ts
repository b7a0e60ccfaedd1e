import { must } from './command.ts';
import type { Namespace } from './namespace.ts';

/** What the kernel holds in one namespace: lines, each with the part that it belongs to. */
export type KernelState = ReadonlySet<string>;

/** Parts, and the command that lists them. Counters and ages are left out: they change without anybody's doing. */
export const PARTS: Readonly<Record<string, string>> = {
  link: `ip -o link | sed -E 's/^[0-9]+: //; s/ qlen [0-9]+//'`,
  address: `ip -o addr | sed -E 's/^[0-9]+: //; s/valid_lft.*//'`,
  'IPv4 route': 'ip -4 route show table all',
  'IPv6 route': `ip -6 route show table all | sed -E 's/ expires [0-9]+sec//'`,
  'IPv4 rule': 'ip -4 rule',
  'IPv6 rule': 'ip -6 rule',
  nftables: `nft list ruleset | sed -E 's/packets [0-9]+ bytes [0-9]+//'`,
  sysctl: `sysctl -a 2>/dev/null | grep -E '^net\\.' | grep -vE 'nf_conntrack_(count|max|buckets)|\\.neigh\\.|ns_last_pid|stable_secret|tcp_mem|udp_mem|mptcp.blackhole'`,
};

/** The state of a namespace; of the machine's own when none is given. */
export async function kernelState(namespace?: Namespace): Promise<KernelState> {
  const lines = new Set<string>();
  for (const [part, command] of Object.entries(PARTS)) {
    const shell = ['sh', '-c', command];
    const output = await (namespace === undefined ? must(shell) : namespace.must(shell));
    for (const line of output.split('\n')) if (line.trim() !== '') lines.add(`${part}: ${line.trim()}`);
  }
  return lines;
}

/** What appeared (`+`) and what went (`-`) between two states. */
export function differences(before: KernelState, after: KernelState): string[] {
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come];
}
