import type { ClusterNode } from '../../cluster/node/node.ts';
import { differences, type KernelState, PARTS } from '../../harness/kernel-state.ts';

/**
 * Folders of a node in which something of Quiver lies while it is installed. What is in them has to go; kubelet's folders
 * for hostPath volumes stay, empty: no container can remove what is mounted in it.
 */
const FOLDERS = ['/opt/cni/bin', '/etc/cni/net.d', '/run/quiver', '/var/lib/quiver', '/var/lib/cni'];

/**
 * What a node is: its kernel's networking and the files in the places that Quiver writes to. What kube-proxy and the
 * pods' own addresses change all the time is left out.
 */
export async function nodeState({ machine }: ClusterNode): Promise<KernelState> {
  const lines = new Set<string>();
  for (const [part, command] of Object.entries(PARTS)) {
    for (const line of significant(part, await machine.shell(command))) lines.add(`${part}: ${line}`);
  }
  for (const folder of FOLDERS) {
    const files = `find ${folder} -type f -exec sha256sum {} +; find ${folder} -mindepth 1 ! -type f`;
    const found = await machine.shell(`if [ -d ${folder} ]; then ${files}; fi`);
    for (const line of found.split('\n')) if (line !== '' && !isOfPods(line)) lines.add(`file: ${line}`);
  }
  return lines;
}

/** What differs between two states of a node. */
export function changes(before: KernelState, after: KernelState): string[] {
  return differences(before, after);
}

function significant(part: string, output: string): string[] {
  const text = part === 'nftables' ? withoutKubeProxy(output) : output;
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/\bveth[0-9a-f]+\b/.test(line));
}

/** The rules of kube-proxy follow the Services of the cluster; only that they are there counts. */
function withoutKubeProxy(ruleset: string): string {
  return ruleset.replaceAll(/^table (?:ip|ip6) kube-proxy \{[\s\S]*?^\}/gm, 'table kube-proxy');
}

/** Which pod has which address is the plugin's own affair. */
function isOfPods(line: string): boolean {
  return /\/var\/lib\/cni\/(networks|results|cache)/.test(line);
}
