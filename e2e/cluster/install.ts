import { join } from 'node:path';
import { must } from '../harness/command.ts';
import type { Cluster } from './cluster.ts';
import type { ProjectImage } from './images/project.ts';

/** Where Quiver is installed, and as what. */
export const release = { name: 'quiver', namespace: 'quiver-system', fabric: 'lab' } as const;

export interface InstallOptions {
  /** The helm that does it. */
  readonly helm: string;
  /** Folder of the chart. */
  readonly chart: string;
  readonly images: readonly ProjectImage[];
  /** Shared by all routers of the fabric. */
  readonly secret: string;
  /** `path=value` of further chart values. */
  readonly values?: readonly string[];
}

/** Folder of the project's chart. */
export function chartFolder(repository: string): string {
  return join(repository, 'charts/quiver');
}

/** Installs the chart, or upgrades it, and waits until everything of it is ready. */
export async function install(
  cluster: Cluster,
  { helm, chart, images, secret, values = [] }: InstallOptions,
): Promise<void> {
  const of = (target: string): string[] =>
    images
      .filter((image) => image.target === target)
      .flatMap(({ repository, tag }) => [`image.repository=${repository}`, `image.tag=${tag}`]);
  const told = [
    `fabric=${release.fabric}`,
    `router=${cluster.name}`,
    `fabricSecret.value=${secret}`,
    'routerConfig.kubernetes.waypointAddress=Annotation',
    ...of('operator').map((value) => `operator.${value}`),
    ...of('dataplane').map((value) => `agent.${value}`),
    ...values,
  ].flatMap((value) => ['--set', value]);
  const where = ['--namespace', release.namespace, '--create-namespace'];
  const waiting = ['--wait', '--timeout', '180s'];
  await must(cluster.asUser([helm, 'upgrade', '--install', release.name, chart, ...where, ...told, ...waiting]));
}

/** Removes the release; the hook of the chart takes everything off the nodes first. */
export async function uninstall(cluster: Cluster, helm: string): Promise<void> {
  const waiting = ['--wait', '--timeout', '180s'];
  await must(cluster.asUser([helm, 'uninstall', release.name, '--namespace', release.namespace, ...waiting]));
}
