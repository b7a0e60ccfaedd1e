import { Dump, type StatusResponse } from '@quiver/dataplane-api';
import { parseRouterFile, type RouterConfig } from '@quiver/operator';
import { answered, askAgents, type NodeAnswer } from '../ask.ts';
import { type Cluster, ClusterFailure, type KubeObject } from '../cluster.ts';
import { askFacts, type NodeFacts } from '../node-facts.ts';
import { type Overview, overviewOf } from '../overview.ts';
import { isReady } from '../pod.ts';
import { objectsOf, type Peer } from '../quiver-objects.ts';
import { type DefinitionState, definitionsOf } from './definitions.ts';

/** Everything that checks look at, read once. What may not be read is undefined, and `unread` says why. */
export interface Evidence {
  readonly overview: Overview;
  /** Undefined until an agent has answered. */
  readonly router: string | undefined;
  readonly statuses: readonly { readonly node: string; readonly value: StatusResponse }[];
  readonly facts: readonly NodeAnswer<NodeFacts>[];
  readonly peers: readonly Peer[];
  /** Routers from which a live session has come in. */
  readonly inboundFrom: ReadonlySet<string>;
  /** Milliseconds by which the leading operator's clock is ahead of this machine's. */
  readonly operatorAheadMs: number | undefined;
  readonly definitions: readonly DefinitionState[] | undefined;
  readonly routerConfig: RouterConfig | undefined;
  readonly nodes: readonly ClusterNode[] | undefined;
  /** Cluster IPs of core Services and addresses of pods with a network of their own. */
  readonly takenAddresses: readonly TakenAddress[] | undefined;
  readonly unread: readonly string[];
}

export interface ClusterNode {
  readonly name: string;
  readonly podCidrs: readonly string[];
  readonly addresses: readonly string[];
}

export interface TakenAddress {
  readonly address: string;
  /** Such as `core Service kube-system/kube-dns`. */
  readonly owner: string;
}

/** Reads it all; only what makes every check impossible is an error. */
export async function evidenceOf(
  cluster: Cluster,
  namespace: string | undefined,
  client: { readonly version: string; readonly now: () => number },
): Promise<Evidence> {
  const unread: string[] = [];
  const tried = <T>(what: string, reading: Promise<T>) => reading.catch(noted(what, unread));
  const overview = await overviewOf(cluster, namespace, client.version);
  const { agents, namespace: home } = overview.installation;
  const statuses = answered(overview.nodes).map(({ agent, value }) => ({ node: agent.node, value }));
  const [facts, dumps, peers, operatorAheadMs, definitions, routerConfig, nodes, takenAddresses] = await Promise.all([
    askFacts(cluster, agents, client.now),
    askAgents(cluster, agents, ['sessions', '--limit', '0'], (answer) => Dump.fromJSON(answer)),
    objectsOf(cluster, 'Peer'),
    tried("the operator's clock", operatorAhead(cluster, overview, client.now)),
    tried('the definitions of the API', definitionsOf(cluster)),
    tried("the router's configuration", routerConfigOf(cluster, home)),
    tried('the nodes', nodesOf(cluster)),
    tried('core Services and pods', takenAddressesOf(cluster)),
  ]);
  const inbound = answered(dumps).flatMap(({ value }) =>
    value.sessions.flatMap(({ clientHop }) => clientHop?.router ?? []),
  );
  return {
    overview,
    router: statuses[0]?.value.router,
    statuses,
    facts,
    peers,
    inboundFrom: new Set(inbound),
    operatorAheadMs,
    definitions,
    routerConfig,
    nodes,
    takenAddresses,
    unread,
  };
}

function noted(what: string, unread: string[]): (caught: unknown) => undefined {
  return (caught) => {
    if (!(caught instanceof ClusterFailure)) throw caught;
    unread.push(`${what}: ${caught.message}`);
    return undefined;
  };
}

async function operatorAhead(
  cluster: Cluster,
  { installation, leadership }: Overview,
  now: () => number,
): Promise<number | undefined> {
  const ready = installation.operators.filter(isReady);
  const pod = ready.find(({ name }) => name === leadership?.holder) ?? ready[0];
  if (pod === undefined) return undefined;
  const where = { namespace: pod.namespace, pod: pod.name, container: pod.mainContainer };
  const { stdout } = await cluster.exec(where, ['node', '--print', 'Date.now()']);
  const time = Number(stdout.trim());
  return Number.isFinite(time) && time > 0 ? time - now() : undefined;
}

interface ConfigMapJson extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

async function routerConfigOf(cluster: Cluster, namespace: string): Promise<RouterConfig | undefined> {
  const query = `labelSelector=${encodeURIComponent('app.kubernetes.io/name=quiver')}`;
  const maps: readonly ConfigMapJson[] = await cluster.list(`/api/v1/namespaces/${namespace}/configmaps`, query);
  const text = maps.find(({ data }) => data?.['router.yaml'] !== undefined)?.data?.['router.yaml'];
  return text === undefined ? undefined : parseRouterFile('router.yaml', text).config;
}

interface NodeJson extends KubeObject {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

async function nodesOf(cluster: Cluster): Promise<readonly ClusterNode[]> {
  const nodes: readonly NodeJson[] = await cluster.list('/api/v1/nodes');
  return nodes.map(({ metadata, spec, status }) => ({
    name: metadata.name,
    podCidrs: spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]),
    addresses: (status?.addresses ?? []).filter(({ type }) => type.endsWith('IP')).map(({ address }) => address),
  }));
}

interface AddressedJson extends KubeObject {
  readonly spec?: { readonly clusterIPs?: readonly string[]; readonly hostNetwork?: boolean };
  readonly status?: { readonly podIPs?: readonly { readonly ip: string }[] };
}

async function takenAddressesOf(cluster: Cluster): Promise<readonly TakenAddress[]> {
  const [services, pods]: readonly (readonly AddressedJson[])[] = await Promise.all([
    cluster.list('/api/v1/services'),
    cluster.list('/api/v1/pods'),
  ]);
  const nameOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;
  const ofServices = (services ?? []).flatMap((service) =>
    (service.spec?.clusterIPs ?? [])
      .filter((address) => address !== 'None' && address !== '')
      .map((address) => ({ address, owner: `core Service ${nameOf(service)}` })),
  );
  const ofPods = (pods ?? [])
    .filter(({ spec }) => spec?.hostNetwork !== true)
    .flatMap((pod) => (pod.status?.podIPs ?? []).map(({ ip }) => ({ address: ip, owner: `pod ${nameOf(pod)}` })));
  return [...ofServices, ...ofPods];
}
