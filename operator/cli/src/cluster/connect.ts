import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Cluster, ClusterFailure, type ClusterTarget } from './cluster.ts';
import { KubeconfigCluster } from './kubeconfig-cluster.ts';

/** What a connection has of the world. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly interrupted: AbortSignal;
  readonly now: () => number;
}

/** Reads the user's kubeconfig and chooses its context; nothing is asked over the network yet. */
export async function connectCluster(
  { context, kubeconfig, timeout }: ClusterTarget,
  { env, interrupted, now }: Surroundings,
): Promise<Cluster> {
  const client = await import('@kubernetes/client-node');
  const files = (kubeconfig ?? env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const config = readKubeconfig(files, () => new client.KubeConfig());
  if (context !== undefined) chooseContext(config, context);
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null)
    throw new ClusterFailure(`context ${config.getCurrentContext()} of the kubeconfig names no cluster or no user`);
  return new KubeconfigCluster(config, cluster.server, {
    timeout,
    interrupted,
    now,
    makeExec: () => new client.Exec(config),
  });
}

function readKubeconfig(files: readonly string[], make: () => KubeConfig): KubeConfig {
  const config = make();
  try {
    if (files.length === 0) config.loadFromDefault();
    for (const file of files) mergeFirstWins(config, file, make());
  } catch (caught) {
    throw new ClusterFailure(
      `the kubeconfig cannot be read: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
  // What the client makes up when there is no file at all.
  if (files.length === 0 && config.getCurrentContext() === 'loaded-context')
    throw new ClusterFailure('there is no kubeconfig; name one with --kubeconfig or in KUBECONFIG');
  return config;
}

// As kubectl does it: of two entries with one name the first counts.
function mergeFirstWins(config: KubeConfig, file: string, more: KubeConfig): void {
  more.loadFromFile(file);
  const isNew = (known: readonly { readonly name: string }[]) => (entry: { readonly name: string }) =>
    !known.some(({ name }) => name === entry.name);
  config.clusters = [...config.clusters, ...more.clusters.filter(isNew(config.clusters))];
  config.users = [...config.users, ...more.users.filter(isNew(config.users))];
  config.contexts = [...config.contexts, ...more.contexts.filter(isNew(config.contexts))];
  config.currentContext ??= more.currentContext;
}

function chooseContext(config: KubeConfig, context: string): void {
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context))
    throw new ClusterFailure(`the kubeconfig has no context ${context}; it has ${names.join(', ') || 'none'}`);
  config.setCurrentContext(context);
}
