import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../cluster/lab.ts';
import { scenarioLab } from '../../setup/e2e-lab.ts';
import { type Manifest, peer } from './objects.ts';
import { Site } from './site.ts';

/** Seconds that a scenario may take at most; every wait in it has its own, shorter deadline. */
export const scenarioTime = 300_000;

/** Both clusters with Quiver installed, each the other's peer. */
export interface Fabric {
  readonly lab: Lab;
  /** Where the clients are. */
  readonly alpha: Site;
  /** Where the servers are. */
  readonly beta: Site;
}

/** A peer object that leads to all nodes of a cluster, at a cost that may differ from node to node. */
export function peerTo({ cluster }: Site, cost: (node: string) => number = () => 0): Manifest {
  return peer(
    cluster.name,
    cluster.plan.nodes.map(({ name, wan }) => ({ name, address: wan.v4, cost: cost(name) })),
  );
}

/** The fabric of this run: the clusters have to be up and the chart installed. */
export async function openFabric(): Promise<Fabric> {
  const lab = await scenarioLab();
  const alpha = new Site(lab.cluster('alpha'));
  const beta = new Site(lab.cluster('beta'));
  await Promise.all([alpha.apply(peerTo(beta)), beta.apply(peerTo(alpha))]);
  return { lab, alpha, beta };
}

const ownPrograms = join(import.meta.dirname, '../programs');
const sharedPrograms = join(import.meta.dirname, '../../harness/programs');

/** The programs of test pods, for their namespace. */
export function programsFor(namespace: string): Manifest {
  const files = [ownPrograms, sharedPrograms].flatMap((folder) =>
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const),
  );
  const data = Object.fromEntries(files);
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'programs', namespace }, data };
}
