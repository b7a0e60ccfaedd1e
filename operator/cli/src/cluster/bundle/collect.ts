import { API_VERSION, KINDS } from '@quiver/operator';
import { stringify } from 'yaml';
import { askAgent, inParallel } from '../ask.ts';
import type { Cluster, KubeObject } from '../cluster.ts';
import type { Agent, Installation } from '../installation.ts';
import type { Pod } from '../pod.ts';
import { redact } from './redact.ts';
import type { ArchiveFile } from './tar.ts';

/** Files of a bundle, and what could not be had. */
export interface Collected {
  readonly files: ArchiveFile[];
  readonly errors: string[];
}

/** What every node is asked; the answers go into a folder of its own. */
const nodeCommands: Readonly<Record<string, readonly string[]>> = {
  status: ['status'],
  sessions: ['sessions', '--limit', '10000'],
  drops: ['drops', '--all'],
  facts: ['facts'],
};

/** Collects objects, nodes' states and logs. What cannot be had is noted and stops nothing. Secrets are never asked for. */
export async function collect(cluster: Cluster, installation: Installation, logLines: number): Promise<Collected> {
  const collected: Collected = { files: [], errors: [] };
  const { namespace, operators, agents } = installation;
  const pods = [...operators, ...agents.map(({ pod }) => pod)];
  await inParallel(listings(namespace), ([name, path, query]) => addList(collected, cluster, { name, path, query }));
  await inParallel(agents, (agent) => addNode(collected, cluster, agent));
  await inParallel(pods, (pod) => addLogs(collected, cluster, pod, logLines));
  return collected;
}

type Listing = readonly [name: string, path: string, query: string];

const ours = `labelSelector=${encodeURIComponent('app.kubernetes.io/managed-by=quiver-operator')}`;

function listings(namespace: string): readonly Listing[] {
  const quiver = Object.values(KINDS).map(
    ({ plural }): Listing => [`quiver/${plural}`, `/apis/${API_VERSION}/${plural}`, ''],
  );
  const release = `namespaces/${namespace}`;
  return [
    ...quiver,
    ['cluster/nodes', '/api/v1/nodes', ''],
    ['cluster/namespaces', '/api/v1/namespaces', ''],
    ['cluster/owned-services', '/api/v1/services', ours],
    ['cluster/owned-endpointslices', '/apis/discovery.k8s.io/v1/endpointslices', ours],
    ['release/pods', `/api/v1/${release}/pods`, ''],
    ['release/services', `/api/v1/${release}/services`, ''],
    ['release/configmaps', `/api/v1/${release}/configmaps`, ''],
    ['release/endpointslices', `/apis/discovery.k8s.io/v1/${release}/endpointslices`, ''],
    ['release/daemonsets', `/apis/apps/v1/${release}/daemonsets`, ''],
    ['release/deployments', `/apis/apps/v1/${release}/deployments`, ''],
    ['release/leases', `/apis/coordination.k8s.io/v1/${release}/leases`, ''],
    ['release/events', `/api/v1/${release}/events`, ''],
  ];
}

interface ListSettings {
  readonly name: string;
  readonly path: string;
  readonly query: string;
}

async function addList(collected: Collected, cluster: Cluster, { name, path, query }: ListSettings): Promise<void> {
  await tried(collected, name, async () => {
    const items = await cluster.list(path, query);
    add(collected, `${name}.yaml`, yamlOf({ items: items.map((item) => redact(item)) }));
  });
  if (name.startsWith('quiver/')) await addEventsOf(collected, cluster, name);
}

/** Events of our objects lie in the objects' namespaces. */
async function addEventsOf(collected: Collected, cluster: Cluster, name: string): Promise<void> {
  const kind = Object.values(KINDS).find(({ plural }) => name === `quiver/${plural}`)?.kind ?? '';
  await tried(collected, `${name} events`, async () => {
    const selector = `fieldSelector=${encodeURIComponent(`involvedObject.kind=${kind}`)}`;
    const events = await cluster.list('/api/v1/events', selector);
    const own = events.filter((event) => isOfOurs(event));
    add(collected, `${name}.events.yaml`, yamlOf({ items: own.map((event) => redact(event)) }));
  });
}

function isOfOurs(event: KubeObject): boolean {
  return (event['involvedObject'] as { apiVersion?: string } | undefined)?.apiVersion === API_VERSION;
}

async function addNode(collected: Collected, cluster: Cluster, agent: Agent): Promise<void> {
  for (const [name, command] of Object.entries(nodeCommands)) {
    const answer = await askAgent(cluster, agent, command, (value) => value);
    if ('error' in answer) collected.errors.push(`nodes/${agent.node}/${name}: ${answer.error}`);
    else add(collected, `nodes/${agent.node}/${name}.json`, `${JSON.stringify(answer.value, undefined, 2)}\n`);
  }
}

async function addLogs(collected: Collected, cluster: Cluster, pod: Pod, lines: number): Promise<void> {
  for (const container of pod.containers) {
    const place = `logs/${pod.name}/${container}`;
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?container=${container}&tailLines=${lines}`;
    await tried(collected, place, async () => add(collected, `${place}.log`, (await cluster.text(path)) ?? ''));
    // Most containers have no former life; the API server calls that a bad request.
    if (pod.restarts === 0) continue;
    await tried(collected, `${place} (previous)`, async () =>
      add(collected, `${place}.previous.log`, (await cluster.text(`${path}&previous=true`)) ?? ''),
    );
  }
}

async function tried(collected: Collected, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (caught) {
    collected.errors.push(`${what}: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
}

/** Adds a text file. */
export function add({ files }: Collected, path: string, text: string): void {
  files.push({ path, content: Buffer.from(text) });
}

function yamlOf(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
