import { type Cluster, ClusterFailure, type ContainerRef, type KubeObject } from './cluster.ts';
import { isReady, labelOf, type Pod, podOf, trouble } from './pod.ts';

/** What was installed into a cluster, as its pods tell. */
export interface Installation {
  readonly namespace: string;
  readonly operators: readonly Pod[];
  readonly agents: readonly Agent[];
}

/** One node's agent: the pod in which it runs. */
export interface Agent {
  readonly node: string;
  readonly where: ContainerRef;
  readonly pod: Pod;
  /** Why nothing can be asked of it; undefined when it runs. */
  readonly trouble: string | undefined;
}

const selector = 'app.kubernetes.io/name=quiver,app.kubernetes.io/component in (agent,operator)';
const query = `labelSelector=${encodeURIComponent(selector)}`;

/** Where the chart puts everything when nobody says otherwise. */
const usualNamespace = 'quiver-system';

/** Finds operator and agents by their labels: in the namespace given, else in the only one that has them. */
export async function findInstallation(cluster: Cluster, namespace: string | undefined): Promise<Installation> {
  const pods = (await podsIn(cluster, namespace)).map(podOf);
  const namespaces = [...new Set(pods.map((pod) => pod.namespace))].toSorted();
  const [first, second] = namespaces;
  if (first === undefined) throw new ClusterFailure(nothingFound(cluster, namespace));
  if (second !== undefined)
    throw new ClusterFailure(
      `context ${cluster.context}: Quiver runs in several namespaces, ${namespaces.join(', ')}; choose one with -n`,
    );
  const component = (name: string) => pods.filter((pod) => labelOf(pod, 'app.kubernetes.io/component') === name);
  const agents = component('agent').map(agentOf).toSorted(byNode);
  return { namespace: first, operators: component('operator'), agents: newestPerNode(agents) };
}

async function podsIn(cluster: Cluster, namespace: string | undefined): Promise<readonly KubeObject[]> {
  if (namespace !== undefined) return cluster.list(`/api/v1/namespaces/${namespace}/pods`, query);
  try {
    return await cluster.list('/api/v1/pods', query);
  } catch (caught) {
    // Whoever may not look everywhere may often look where the chart installs.
    if (!(caught instanceof ClusterFailure) || caught.status !== 403) throw caught;
    return cluster.list(`/api/v1/namespaces/${usualNamespace}/pods`, query);
  }
}

function nothingFound({ context }: Cluster, namespace: string | undefined): string {
  const place = namespace === undefined ? 'any namespace' : `namespace ${namespace}`;
  return `context ${context}: no pod of Quiver is in ${place}; install the chart, or name its namespace with -n`;
}

function agentOf(pod: Pod): Agent {
  const where = { namespace: pod.namespace, pod: pod.name, container: pod.mainContainer };
  return { node: pod.node, where, pod, trouble: trouble(pod) };
}

// While a DaemonSet rolls, the old pod of a node is still listed beside the new one.
function newestPerNode(agents: readonly Agent[]): readonly Agent[] {
  const best = new Map<string, Agent>();
  for (const agent of agents) {
    const known = best.get(agent.node);
    if (known === undefined || isBetter(agent, known)) best.set(agent.node, agent);
  }
  return [...best.values()];
}

function isBetter(one: Agent, other: Agent): boolean {
  if (isReady(one.pod) !== isReady(other.pod)) return isReady(one.pod);
  return one.pod.createdAt > other.pod.createdAt;
}

function byNode(one: Agent, other: Agent): number {
  return one.node < other.node ? -1 : 1;
}
