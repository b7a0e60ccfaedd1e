import { API_VERSION, KINDS, type Kind, type QuiverObject } from '@quiver/operator';
import type { Cluster } from './cluster.ts';

export type Service = Extract<QuiverObject, { readonly kind: 'Service' }>;
export type Tenant = Extract<QuiverObject, { readonly kind: 'Tenant' }>;
export type Peer = Extract<QuiverObject, { readonly kind: 'Peer' }>;

/** One observation, as the operator wrote it. */
export interface Observed {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Objects of one kind in all namespaces; none when the cluster does not know the kind. */
export async function objectsOf<K extends Kind>(
  cluster: Cluster,
  kind: K,
): Promise<readonly Extract<QuiverObject, { readonly kind: K }>[]> {
  const objects = await cluster.list(`/apis/${API_VERSION}/${KINDS[kind].plural}`);
  // A list leaves out what all its items have in common.
  return objects.map((object) => ({ ...object, apiVersion: API_VERSION, kind })) as never;
}

/** One of them; undefined when it does not exist. */
export async function objectNamed<K extends Kind>(
  cluster: Cluster,
  kind: K,
  { namespace, name }: { readonly namespace?: string; readonly name: string },
): Promise<Extract<QuiverObject, { readonly kind: K }> | undefined> {
  const place = namespace === undefined ? '' : `namespaces/${namespace}/`;
  return (await cluster.get(`/apis/${API_VERSION}/${place}${KINDS[kind].plural}/${name}`)) as never;
}

/** Every object of every kind, kinds in the order in which people ask. */
export async function allObjects(cluster: Cluster): Promise<readonly QuiverObject[]> {
  const kinds: readonly Kind[] = ['Tenant', 'Service', 'ServiceRoute', 'Peer'];
  const lists = await Promise.all(kinds.map((kind) => objectsOf(cluster, kind)));
  return lists.flat();
}

/** Condition `Ready`, or what holds before the operator has looked. */
export function readiness({ status }: QuiverObject): Observed {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready ?? { status: 'Unknown', reason: 'Pending', message: 'the operator has not looked at it yet' };
}

/** `Kind namespace/name`. */
export function titleOf({ kind, metadata: { namespace, name } }: QuiverObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
