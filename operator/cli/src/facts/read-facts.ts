import { createHash } from 'node:crypto';
import { access, readdir, readFile } from 'node:fs/promises';
import { networkInterfaces, release } from 'node:os';
import { join } from 'node:path';
import { NodeConfig } from '@quiver/dataplane-api';
import type { ConfigFacts, Facts } from './facts.ts';

export interface FactsPlaces {
  readonly now: () => number;
  /** Where an agent keeps its last good configuration, in a folder of its own or one level or two below. */
  readonly stateDir: string;
  /** Root of the file system that is looked at; only tests have another. */
  readonly root?: string;
}

/** The node's folder as the agent's container sees it, then the usual one. */
const cniFolders = ['host/etc/cni/net.d', 'etc/cni/net.d'];

/** Reads the facts; what a machine does not have is left out or 0. */
export async function readFacts({ now, stateDir, root = '/' }: FactsPlaces): Promise<Facts> {
  const sysctl = async (name: string) => (await textOf(join(root, 'proc/sys/net', name)))?.trim() ?? '';
  const [first = 0, last = 0] = (await sysctl('ipv4/ip_local_port_range')).split(/\s+/).map(Number);
  const [cni, config] = await Promise.all([cniOf(root), configOf(stateDir)]);
  return {
    nowMs: now(),
    kernel: release(),
    hasTun: await isThere(join(root, 'dev/net/tun')),
    ipForward: {
      ipv4: (await sysctl('ipv4/ip_forward')) === '1',
      ipv6: (await sysctl('ipv6/conf/all/forwarding')) === '1',
    },
    rpFilter: Number(await sysctl('ipv4/conf/all/rp_filter')),
    localPorts: { first, last },
    interfaces: await interfacesOf(root),
    ...(cni === undefined ? {} : { cni }),
    ...(config === undefined ? {} : { config }),
  };
}

async function interfacesOf(root: string): Promise<Facts['interfaces']> {
  const addresses = networkInterfaces();
  const names = await readdir(join(root, 'sys/class/net')).catch(() => []);
  // Pods' ends of their links are many and say nothing about the node.
  const own = names.filter((name) => name !== 'lo' && (addresses[name] !== undefined || name.startsWith('quiver')));
  return Promise.all(
    own.toSorted().map(async (name) => ({
      name,
      mtu: Number((await textOf(join(root, 'sys/class/net', name, 'mtu'))) ?? 0),
      addresses: (addresses[name] ?? [])
        .map(({ address }) => address)
        .filter((address) => !address.startsWith('fe80:')),
    })),
  );
}

async function cniOf(root: string): Promise<Facts['cni']> {
  for (const folder of cniFolders) {
    const names = await readdir(join(root, folder)).catch(() => []);
    const [file] = names.filter((name) => /\.(conf|conflist|json)$/.test(name)).toSorted();
    if (file !== undefined) return { file, plugins: pluginsIn((await textOf(join(root, folder, file))) ?? '') };
  }
  return undefined;
}

function pluginsIn(text: string): string[] {
  try {
    const conf = JSON.parse(text) as { type?: string; plugins?: readonly { type?: string }[] };
    return (conf.plugins ?? [conf]).map(({ type }) => type ?? '');
  } catch {
    return [];
  }
}

async function configOf(stateDir: string): Promise<ConfigFacts | undefined> {
  const names = await readdir(stateDir, { recursive: true }).catch(() => []);
  const file = names.filter((name) => /^(?:[^/]+\/){0,2}last-good\.json$/.test(name)).toSorted()[0];
  const text = file === undefined ? undefined : await textOf(join(stateDir, file));
  if (text === undefined) return undefined;
  const config = NodeConfig.fromJSON((JSON.parse(text) as { config: unknown }).config);
  const { sharedSecret } = config.keySource ?? {};
  return {
    waypoints: config.waypoints.map(({ address }) => address),
    waypointPorts: { first: config.waypointPorts?.first ?? 0, last: config.waypointPorts?.last ?? 0 },
    servicePool: config.servicePool,
    returnPool: config.returnPool,
    secrets: (sharedSecret?.versions ?? []).map(({ version, digest }) => ({ version, print: printOf(digest) })),
    activeSecret: sharedSecret?.active ?? 0,
  };
}

// A digest of a digest, cut to 32 bits: enough to compare, too little to try out secrets by.
function printOf(digest: string): string {
  return createHash('sha256').update(`quiver print ${digest.toLowerCase()}`).digest('hex').slice(0, 8);
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
