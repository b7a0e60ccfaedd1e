import { readIfThere } from '../files/whole-file.ts';

/** Reads a setting of the kernel; undefined where it has none of that name. */
export type ReadSetting = (path: string) => Promise<string | undefined>;

const settings = [
  { isOf: (cidr: string) => !cidr.includes(':'), name: 'net.ipv4.ip_forward' },
  { isOf: (cidr: string) => cidr.includes(':'), name: 'net.ipv6.conf.all.forwarding' },
];

/** Why this node does not forward packets of pods with addresses of these prefixes; empty when it does. */
export async function whyNotForwarding(cidrs: readonly string[], read: ReadSetting = readIfThere): Promise<string> {
  for (const { isOf, name } of settings) {
    if (!cidrs.some(isOf)) continue;
    const value = await read(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (value?.trim() === '0') return `this node does not forward packets of pods: set ${name}=1 on it (sysctl)`;
  }
  return '';
}
