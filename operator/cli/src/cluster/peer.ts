import { StatusResponse } from '@quiver/dataplane-api';
import { API_VERSION } from '@quiver/operator';
import type { PeerOptions } from '../commands/peer.ts';
import type { CliContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { structured } from '../output/format.ts';
import { answered, askAgents, failuresOf } from './ask.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { findInstallation } from './installation.ts';
import { askFacts } from './node-facts.ts';
import { withCluster } from './options.ts';

/** A node as other routers reach it. */
interface Reachable {
  readonly node: string;
  readonly addresses: readonly string[];
}

/** A Peer as it is applied. */
export interface PeerManifest extends KubeObject {
  readonly spec: { readonly router: string; readonly waypoints: readonly unknown[] };
}

interface NodeJson extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** What a Peer allows for names of waypoints and nodes. */
const longestName = 63;

/** Prints the cluster as the Peer that another cluster needs of it. */
export function printPeer(options: PeerOptions, context: CliContext): Promise<void> {
  return withCluster(options, context, async (cluster) =>
    context.stdout.write(structured(await ownPeer(cluster, options, context.now), options.output)),
  );
}

/** A cluster as a Peer of others. Fails rather than leaving a node out. */
export async function ownPeer(
  cluster: Cluster,
  { namespace, name, waypointAddress }: Pick<PeerOptions, 'namespace' | 'name' | 'waypointAddress'>,
  now: () => number,
): Promise<PeerManifest> {
  const { agents } = await findInstallation(cluster, namespace);
  const [statuses, facts] = await Promise.all([
    askAgents(cluster, agents, ['status'], (answer) => StatusResponse.fromJSON(answer)),
    askFacts(cluster, agents, now),
  ]);
  const failures = [...failuresOf(statuses), ...failuresOf(facts)];
  const [first] = answered(statuses);
  if (failures.length > 0 || first === undefined)
    throw new Failure(
      [...new Set(failures), `the Peer of ${cluster.context} would lack nodes; nothing is done`].join('\n'),
    );
  const own = answered(facts).map(({ agent, value }) => ({
    node: agent.node,
    addresses: value.config?.waypoints ?? [],
  }));
  const nodes = waypointAddress === undefined ? own : await addressesOf(cluster, own, waypointAddress);
  return peerOf(first.value.router, nodes, name);
}

function peerOf(router: string, nodes: readonly Reachable[], name = router): PeerManifest {
  const waypoints = nodes.flatMap(({ node, addresses }) => {
    if (addresses.length === 0) throw new Failure(`node ${node} has no waypoint yet: kubectl quiver status says why`);
    if (node.length > longestName)
      throw new Failure(`node name ${node} has more than ${longestName} characters, which no Peer can hold`);
    return addresses.map((address, index) => waypointOf(node, address, index));
  });
  return { apiVersion: API_VERSION, kind: 'Peer', metadata: { name }, spec: { router, waypoints } };
}

// Keys belong to the node: its further waypoints have other names and say whose they are.
function waypointOf(node: string, address: string, index: number): unknown {
  if (index === 0) return { name: node, address };
  return { name: `${node.slice(0, longestName - 2)}-${index}`, node, address };
}

/** Addresses of another kind than the nodes' own waypoints, where something translates one to the other. */
async function addressesOf(
  cluster: Cluster,
  nodes: readonly Reachable[],
  kind: NonNullable<PeerOptions['waypointAddress']>,
): Promise<readonly Reachable[]> {
  const objects = await cluster.list('/api/v1/nodes');
  return nodes.map(({ node }) => {
    const object = objects.find(({ metadata }) => metadata.name === node);
    const addresses = object === undefined ? [] : textsOf(object, kind);
    if (addresses.length === 0) throw new Failure(`node ${node} has no ${kind}; choose another --waypoint-address`);
    return { node, addresses };
  });
}

function textsOf(object: KubeObject, kind: NonNullable<PeerOptions['waypointAddress']>): readonly string[] {
  if (kind !== 'Annotation') {
    const all = (object as NodeJson).status?.addresses ?? [];
    return all.filter(({ type }) => type === kind).map(({ address }) => address);
  }
  const text = object.metadata.annotations?.['quiver.dev/waypoint'] ?? '';
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
