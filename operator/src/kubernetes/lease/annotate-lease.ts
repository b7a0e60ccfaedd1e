import { QuiverError } from '../../errors.ts';
import type { ApiClient, CallOptions } from '../client/api-client.ts';
import { ApiFailure } from '../client/api-failure.ts';
import { type LeaseName, type LeaseRecord, readLease } from './lease-record.ts';

const attempts = 8;

/** The lease; undefined when there is none. */
export async function findLease(
  client: ApiClient,
  { namespace, name }: LeaseName,
  options: CallOptions = {},
): Promise<LeaseRecord | undefined> {
  const object = await client.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name }, options);
  return object === undefined ? undefined : readLease(object);
}

/**
 * Writes annotations of a lease that somebody else holds and renews all the time; undefined removes one.
 * Gives the lease as written; undefined when there is none. Rejects when its holder is always faster.
 */
export async function annotateLease(
  client: ApiClient,
  lease: LeaseName,
  changes: Readonly<Record<string, string | undefined>>,
  options: CallOptions = {},
): Promise<LeaseRecord | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const record = await findLease(client, lease, options);
    if (record === undefined) return undefined;
    const { object } = record;
    const annotations = Object.fromEntries(
      Object.entries({ ...record.annotations, ...changes }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
    try {
      return readLease(await client.replace({ ...object, metadata: { ...object.metadata, annotations } }, options));
    } catch (caught) {
      if (!(caught instanceof ApiFailure) || !(caught.isConflict || caught.isNotFound)) throw caught;
    }
  }
  throw new QuiverError('ClusterRefused', `lease ${lease.namespace}/${lease.name} changed ${attempts} times meanwhile`);
}
