import { Membership, type QuiverObject } from '@quiver/operator';
import type { Cluster } from './cluster.ts';
import type { Named } from './conversation.ts';
import type { Pod } from './pod.ts';
import { allObjects, readiness, type Tenant, titleOf } from './quiver-objects.ts';

/** Why a conversation is refused, as far as objects tell: one sentence for each of those it depends on. */
export async function hintsFor(cluster: Cluster, client: Pod | undefined, service: Named): Promise<readonly string[]> {
  const objects = await allObjects(cluster);
  const own = objects.filter((object) => isAbout(object, service));
  const routes = own.filter((object) => object.kind === 'ServiceRoute');
  const peerNames = new Set(routes.flatMap(({ spec }) => (spec.peers ?? []).map(({ name }) => name)));
  const peers = objects.filter(({ kind, metadata }) => kind === 'Peer' && peerNames.has(metadata.name));
  const tenants = objects.filter((object) => object.kind === 'Tenant');
  const isUnrouted = own.some(({ kind }) => kind === 'Service') && routes.length === 0;
  return [
    ...(client === undefined || client.isHostNetwork ? [] : [await membershipOf(cluster, client, tenants)]),
    ...[...tenants, ...own, ...peers].flatMap(troubleOf),
    ...(isUnrouted ? [`No ServiceRoute of namespace ${service.namespace} names ${service.name}.`] : []),
  ];
}

/** Which tenants select the pod, by the rules of the operator itself. */
async function membershipOf(cluster: Cluster, pod: Pod, tenants: readonly Tenant[]): Promise<string> {
  const { namespace, name, labels, serviceAccount } = pod;
  const object = await cluster.get(`/api/v1/namespaces/${namespace}`);
  const namespaces = object === undefined ? [] : [{ name: namespace, labels: object.metadata.labels ?? {} }];
  const client = { ...pod, uid: '', isFinished: false, labels };
  const found = new Membership(tenants, namespaces).tenantsOf(client);
  if (found.length > 0) return `By the objects pod ${namespace}/${name} belongs to ${found.join(' and ')}.`;
  const shown = (all: Readonly<Record<string, string>>) =>
    Object.entries(all)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || 'none';
  const of = `labels ${shown(labels)}; labels of its namespace ${shown(namespaces[0]?.labels ?? {})}; service account ${serviceAccount}`;
  return `No Tenant selects pod ${namespace}/${name} (${of}).`;
}

function isAbout(object: QuiverObject, { namespace, name }: Named): boolean {
  if (object.metadata.namespace !== namespace) return false;
  if (object.kind === 'Service') return object.metadata.name === name;
  return object.kind === 'ServiceRoute' && object.spec.service === name;
}

function troubleOf(object: QuiverObject): readonly string[] {
  const { status, reason, message } = readiness(object);
  if (status === 'True') return [];
  return [`${titleOf(object)} is not ready (${reason})${message === '' ? '' : `: ${message}`}.`];
}
