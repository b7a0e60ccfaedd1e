import { accessSync, constants } from 'node:fs';
import { run } from './command.ts';

const PROGRAMS = ['ip', 'nft', 'nsenter', 'sysctl', 'curl', 'ping', 'tcpdump', 'ss'];

/** Why the sites cannot be made on this machine, one sentence with the way out; undefined when they can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    return 'Network namespaces can only be made by root: run this with sudo.';
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun is missing or not accessible: load the module with "modprobe tun", or give the device to this container.';
  }
  for (const name of PROGRAMS) {
    const found = await run(['sh', '-c', `command -v ${name}`]);
    if (found.code !== 0) return `The program "${name}" is missing: run "npm run setup" as root, which installs it.`;
  }
  return undefined;
}
