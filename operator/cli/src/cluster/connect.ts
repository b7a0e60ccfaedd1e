import { delimiter } from 'node:path';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import { type Cluster, ClusterFailure, type ClusterTarget } from './cluster.ts';
import { KubeconfigCluster } from './kubeconfig-cluster.ts';

/** What a connection has of the world. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly interrupted: AbortSignal;
  readonly now: () => number;
}

/** Reads the user's kubeconfig and chooses its context; nothing is asked over the network yet. */
export function connectCluster(
  { context, kubeconfig, timeout }: ClusterTarget,
  { env, interrupted, now }: Surroundings,
): Cluster {
  const files = (kubeconfig ?? env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const config = readKubeconfig(files);
  if (context !== undefined) chooseContext(config, context);
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null)
    throw new ClusterFailure(`context ${config.getCurrentContext()} of the kubeconfig names no cluster or no user`);
  return new KubeconfigCluster(config, cluster.server, {
    timeout,
    interrupted,
    now,
    makeExec: () => new Exec(config),
  });
}

function readKubeconfig(files: readonly string[]): KubeConfig {
  const config = new KubeConfig();
  try {
    if (files.length === 0) config.loadFromDefault();
    for (const file of files) mergeFirstWins(config, file);
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
function mergeFirstWins(config: KubeConfig, file: string): void {
  const more = new KubeConfig();
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
