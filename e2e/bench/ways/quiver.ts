import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { guardFolder } from '../../harness/leftover-guard.ts';
import type { Namespace } from '../../harness/namespace.ts';
import { Router } from '../../harness/router.ts';
import { type Chain, places, ports } from '../chain.ts';
import type { Way } from './way.ts';

type QuiverName = 'quiver-clear' | 'quiver-sealed' | 'quiver-compat';

const settings = {
  'quiver-clear': { encryption: 'Never', cipher: 'AES-256-GCM' },
  'quiver-sealed': { encryption: 'Always', cipher: 'AES-256-GCM' },
  'quiver-compat': { encryption: 'Always', cipher: 'AES-256-CBC-HMAC-SHA256-128' },
} as const;

const target = '198.18.0.1';

interface Side {
  readonly name: 'a' | 'b';
  readonly namespace: Namespace;
  readonly own: string;
  readonly other: string;
}

/** Two routers of a fabric, in clear or sealed. */
export async function quiver(chain: Chain, name: QuiverName): Promise<Way> {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-bench-'));
  const guard = guardFolder(folder);
  const routers: Router[] = [];
  const close = async (): Promise<void> => {
    for (const router of routers) {
      await router.stop().catch(() => router.kill());
      router.close();
    }
    await chain.remove();
    guard.release();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const secret = randomBytes(32).toString('hex');
    const sides: readonly Side[] = [
      { name: 'a', namespace: chain.a, own: places.wanA, other: places.wanB },
      { name: 'b', namespace: chain.b, own: places.wanB, other: places.wanA },
    ];
    for (const side of sides) {
      writeSite(join(folder, 'sites', side.name), side, name);
      const site = join(folder, 'sites', side.name);
      routers.push(await Router.prepare({ name: side.name, namespace: side.namespace, site, folder, secret }));
    }
    await Promise.all(routers.map((router) => router.start('--metrics-address', 'off')));
    return { name, chain, target, pids: routers.map((router) => router.process.pid), close };
  } catch (caught) {
    await close();
    throw caught;
  }
}

function writeSite(site: string, side: Side, name: QuiverName): void {
  mkdirSync(join(site, 'resources'), { recursive: true });
  writeFileSync(join(site, 'router.yaml'), stringify(routerConfig(side, name)));
  const documents = resources(side, name).map((resource) => stringify(resource));
  writeFileSync(join(site, 'resources/all.yaml'), documents.join('---\n'));
}

function routerConfig({ name, own }: Side, way: QuiverName): unknown {
  return {
    apiVersion: 'config.quiver.dev/v1alpha1',
    kind: 'RouterConfig',
    fabric: 'bench',
    router: `site-${name}`,
    nodes: [{ name: `${name}1`, waypoints: [{ name: 'wan0', address: own }] }],
    keySource: { type: 'SharedSecret', versions: [{ version: 1, file: 'fabric.secret' }], active: 1 },
    cipher: settings[way].cipher,
    limits: { maxSessions: 1_048_576 },
  };
}

function resources({ name, other }: Side, way: QuiverName): readonly unknown[] {
  const apiVersion = 'quiver.dev/v1alpha1';
  const named = { name: 'bench', namespace: 'bench' };
  const peer = name === 'a' ? 'b' : 'a';
  const loads = ['TCP', 'UDP'].map((protocol) => ({ protocol, port: ports.load }));
  const reach = name === 'a' ? { peers: [{ name: 'site-b' }] } : { targets: [{ address: places.server }] };
  return [
    { apiVersion, kind: 'Tenant', metadata: { name: 'client' }, spec: { members: members(name) } },
    {
      apiVersion,
      kind: 'Service',
      metadata: named,
      spec: {
        addresses: [`${target}/32`],
        ports: [{ protocol: 'TCP', port: ports.iperf }, ...loads],
        access: [{ tenant: 'client' }],
        security: { encryption: settings[way].encryption },
      },
    },
    { apiVersion, kind: 'ServiceRoute', metadata: named, spec: { service: 'bench', ...reach } },
    {
      apiVersion,
      kind: 'Peer',
      metadata: { name: `site-${peer}` },
      spec: { router: `site-${peer}`, waypoints: [{ name: `${peer}1`, address: other }] },
    },
  ];
}

function members(name: Side['name']): readonly unknown[] {
  return name === 'a' ? [{ cidrs: ['10.1.0.0/24'] }] : [];
}
