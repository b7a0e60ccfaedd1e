import { type Command, Option } from 'commander';
import type { CliContext } from '../context.ts';
import { usageFailure } from '../failure.ts';
import { parseDuration } from '../output/quantity.ts';
import type { Cluster } from './cluster.ts';

/** Flags that say which cluster is meant; every command line may have them. */
export interface ClusterOptions {
  readonly cluster?: boolean;
  readonly context?: readonly string[];
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly requestTimeout: string;
  /** Of the command itself: asks the node here, whatever the program is called. */
  readonly socket?: string;
}

/** Commands that ask a cluster, and those that can. */
const clusterCommands = new Set([
  'status',
  'sessions',
  'explain',
  'drops',
  'peers',
  'peer',
  'connect',
  'diagnose',
  'support-bundle',
  'version',
]);

/** Adds the flags to the program; they may stand before or behind the command. */
export function addClusterOptions(program: Command): Command {
  return program
    .option('--cluster', 'ask the cluster of the kubeconfig, and not the node here; so does each flag below')
    .addOption(
      new Option(
        '--context <name>',
        'context of the kubeconfig; again for further clusters, where a command joins them',
      ).argParser((name: string, former: readonly string[] | undefined) => [...(former ?? []), name]),
    )
    .option('--kubeconfig <file>', 'instead of $KUBECONFIG and ~/.kube/config')
    .option('-n, --namespace <name>', 'where Quiver is installed (default: where its pods are)')
    .option('--request-timeout <duration>', 'limit of each call to a cluster', '15s')
    .hook('preAction', (_, command) => refuseElsewhere(command));
}

/**
 * Whether a cluster is asked and not the node here: the program is `kubectl quiver`, or a flag of a cluster is given.
 * `--socket` always means the node.
 */
export function meansCluster(options: ClusterOptions, { isPlugin }: CliContext): boolean {
  const isNamed = hasClusterFlag(options);
  if (options.socket === undefined) return isPlugin || isNamed;
  if (isNamed)
    throw usageFailure('--socket asks a node, the flags of a cluster ask all of them; leave one of them out');
  return false;
}

/** Runs `use` with the one cluster that is meant. */
export function withCluster<T>(
  options: ClusterOptions,
  context: CliContext,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const [first, second] = options.context ?? [];
  if (second !== undefined) throw usageFailure(`this command asks one cluster; choose ${first} or ${second}`);
  return withClusters(options, context, ([cluster]) => use(cluster));
}

/** Runs `use` with each cluster named, or the current one. */
export async function withClusters<T>(
  options: ClusterOptions,
  context: CliContext,
  use: (clusters: readonly [Cluster, ...Cluster[]]) => Promise<T>,
): Promise<T> {
  const timeout = parseDuration(options.requestTimeout);
  if (timeout === undefined || timeout <= 0)
    throw usageFailure(`--request-timeout ${options.requestTimeout}: write for example 15s`);
  const [first, ...more] = options.context ?? [];
  const connect = (name: string | undefined) =>
    context.connectCluster({ context: name, kubeconfig: options.kubeconfig, timeout });
  const clusters: [Cluster, ...Cluster[]] = [await connect(first)];
  for (const name of more) clusters.push(await connect(name));
  return use(clusters);
}

function hasClusterFlag({ cluster, context, kubeconfig, namespace }: ClusterOptions): boolean {
  return cluster === true || [context, kubeconfig, namespace].some((value) => value !== undefined);
}

function refuseElsewhere(command: Command): void {
  if (clusterCommands.has(command.name()) || !hasClusterFlag(command.optsWithGlobals<ClusterOptions>())) return;
  throw usageFailure(`${command.name()} asks no cluster; leave --cluster, --context, --kubeconfig and -n out`);
}
