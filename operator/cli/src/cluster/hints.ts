import type { QuiverObject } from '@quiver/operator';
import type { Cluster } from './cluster.ts';
import type { Named } from './conversation.ts';
import { allObjects, readiness, titleOf } from './quiver-objects.ts';

/** What is wrong with the objects that a conversation with a service depends on, one sentence each. */
export async function hintsFor(cluster: Cluster, service: Named): Promise<readonly string[]> {
  const objects = await allObjects(cluster);
  const own = objects.filter((object) => isAbout(object, service));
  const routes = own.filter((object) => object.kind === 'ServiceRoute');
  const peerNames = new Set(routes.flatMap(({ spec }) => (spec.peers ?? []).map(({ name }) => name)));
  const peers = objects.filter(({ kind, metadata }) => kind === 'Peer' && peerNames.has(metadata.name));
  const tenants = objects.filter(({ kind }) => kind === 'Tenant');
  const wrong = [...tenants, ...own, ...peers].flatMap(troubleOf);
  const isUnrouted = own.some(({ kind }) => kind === 'Service') && routes.length === 0;
  return [
    ...wrong,
    ...(isUnrouted ? [`No ServiceRoute of namespace ${service.namespace} names ${service.name}.`] : []),
  ];
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
