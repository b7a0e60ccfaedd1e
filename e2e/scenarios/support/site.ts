import type { Cluster } from '../../cluster/cluster.ts';
import type { Outcome } from '../../harness/command.ts';
import { eventually } from '../../harness/eventually.ts';
import { type Condition, type Manifest, reference } from './objects.ts';

/** A cluster as its user sees it. */
export class Site {
  readonly cluster: Cluster;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get name(): string {
    return this.cluster.name;
  }

  async apply(...objects: readonly Manifest[]): Promise<void> {
    await this.cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: list(objects) });
  }

  /** Deletes what is there of them and waits until it is gone. */
  async remove(...objects: readonly Manifest[]): Promise<void> {
    const how = ['--ignore-not-found', '--wait', '--timeout=60s'];
    await this.cluster.kubectl(['delete', ...how, '-f', '-'], { input: list(objects) });
  }

  /** The object as the API server holds it. */
  async read<T = Manifest>(object: Manifest): Promise<T> {
    return JSON.parse(await this.kubectl(object, 'get', reference(object), '-o', 'json')) as T;
  }

  /** kubectl in the object's namespace. */
  kubectl({ metadata }: Manifest, ...args: readonly string[]): Promise<string> {
    const namespace = metadata.namespace === undefined ? [] : ['--namespace', metadata.namespace];
    return this.cluster.kubectl([...namespace, ...args]);
  }

  /** Resolves when the condition is True for each of them. */
  async ready(objects: readonly Manifest[], condition = 'Ready', within = 30_000): Promise<void> {
    const timeout = `--timeout=${Math.ceil(within / 1000)}s`;
    for (const object of objects) {
      await this.kubectl(object, 'wait', `--for=condition=${condition}`, reference(object), timeout);
    }
  }

  /** Resolves with the condition when it has this status and, where given, this reason. */
  async condition(
    object: Manifest,
    type: string,
    wanted: Partial<Pick<Condition, 'status' | 'reason'>>,
    within = 10_000,
  ): Promise<Condition> {
    let last: Condition | undefined;
    const found = async (): Promise<Condition | undefined> => {
      const { status } = await this.read<{ readonly status?: { readonly conditions?: readonly Condition[] } }>(object);
      last = status?.conditions?.find((one) => one.type === type);
      if (last === undefined || (wanted.status ?? last.status) !== last.status) return undefined;
      return (wanted.reason ?? last.reason) === last.reason ? last : undefined;
    };
    try {
      return await eventually(`${reference(object)} has ${type} ${JSON.stringify(wanted)}`, found, {
        within,
        every: 100,
      });
    } catch (caught) {
      const told = last === undefined ? 'there is no such condition' : JSON.stringify(last);
      throw new Error(`${caught instanceof Error ? caught.message : String(caught)}: ${told}`, { cause: caught });
    }
  }

  /** Runs a program in a pod to its end, whatever that is. */
  tryExec(namespace: string, pod: string, command: readonly string[]): Promise<Outcome> {
    return this.cluster.tryKubectl(['--namespace', namespace, 'exec', pod, '--', ...command]);
  }

  exec(namespace: string, pod: string, command: readonly string[]): Promise<string> {
    return this.cluster.kubectl(['--namespace', namespace, 'exec', pod, '--', ...command]);
  }
}

function list(items: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
