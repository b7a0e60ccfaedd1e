import type { Clock } from '../clock.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { annotateLease, findLease } from '../kubernetes/lease/annotate-lease.ts';
import {
  type LeaseName,
  type LeaseRecord,
  retireAnnotation,
  retiredAnnotation,
} from '../kubernetes/lease/lease-record.ts';
import { pause } from '../kubernetes/pause.ts';
import { isEverythingOff, missingAnnotation } from './retirement.ts';

export interface RetireOrder {
  readonly lease: LeaseName;
  readonly timeoutMilliseconds: number;
}

export interface RetireDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Takes sentences for the person who uninstalls. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const lookEvery = 1_000;
/** Replicas look at the lease every 2.4 s; each must have seen the order before the lease goes. */
const atLeast = 6_000;

/**
 * Has every node take everything of Quiver off itself, and removes the lease. Nodes that cannot be reached are named
 * and do not hold it up. Rejects with an `ApiFailure`.
 */
export async function retireNodes({ lease, timeoutMilliseconds }: RetireOrder, deps: RetireDeps): Promise<void> {
  const { client, clock, print, signal } = deps;
  const began = clock.now();
  const asked = await annotateLease(client, lease, { [retireAnnotation]: new Date(began).toISOString() });
  if (asked === undefined) return print('no operator ever led here: there is nothing to take off the nodes');
  print('asked the operator to take everything off the nodes');
  let told = '';
  for (;;) {
    await pause(clock, lookEvery, signal);
    const record = await findLease(client, lease);
    if (record === undefined) return print('the lease is gone: somebody else has done it');
    const line = describe(record);
    if (line !== told) print(line);
    told = line;
    const waited = clock.now() - began;
    const isOver = waited >= timeoutMilliseconds || signal.aborted;
    if (isOver) print('the time is over: nodes that did not answer keep their plugin, device and rules');
    if (isOver || (waited >= atLeast && isEverythingOff(record.annotations))) break;
  }
  await remove(lease, deps);
}

async function remove({ namespace, name }: LeaseName, { client, print }: RetireDeps): Promise<void> {
  await client.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name });
  print('the lease is removed');
}

function describe({ annotations, holder }: LeaseRecord): string {
  const progress = annotations[retiredAnnotation];
  if (progress === undefined) return holder === '' ? 'no operator leads; waiting for one' : 'waiting for the operator';
  const missing = annotations[missingAnnotation];
  const rest = missing === undefined ? '' : `; without an agent: ${missing}`;
  return `${progress} nodes have taken everything off${rest}`;
}
