import { isDeepStrictEqual } from 'node:util';
import { describeRef } from '../api/resources.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Condition } from '../conditions/condition.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { ApiFailure } from '../kubernetes/client/api-failure.ts';
import type { Occurrence } from '../kubernetes/events/event-recorder.ts';
import { FailureLog } from '../kubernetes/work-queue/failure-log.ts';
import { KeyedQueue } from '../kubernetes/work-queue/keyed-queue.ts';
import type { Logger } from '../logger.ts';
import { eventsOf } from './status-events.ts';
import { planStatus } from './status-plan.ts';
import type { ObjectStatus, StatusReport } from './status-report.ts';
import type { StatusSink } from './status-sink.ts';
import type { StoredObjectStatus, StoredStatuses } from './stored-status.ts';

export interface KubernetesStatusDeps {
  readonly client: Pick<ApiClient, 'applyStatus'>;
  readonly stored: StoredStatuses;
  readonly record: (occurrence: Occurrence) => void;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** Told of every call, with its result. */
  readonly counted?: (result: 'Written' | 'Outdated' | 'Failed') => void;
}

const fieldManager = 'quiver-operator-status';
/** More at once make the API server slower and nothing quicker. */
const inFlight = 16;
/** A status in which only counts changed waits until the former is this old. */
const countsEvery = 30_000;
/** Until the cache has seen what made a write fail. */
const outdatedWait = 250;
/** Until definitions that are older than the operator may have been replaced. */
const schemaWait = 60_000;
/** For so long an object that was ready is not called Pending: nodes are about to take its change. */
const pendingAfter = 1_500;
/** For so long after the start nodes are about to dial and to report; until then only news is written. */
const startMilliseconds = 12_000;
/** Everything is compared once more in this time, whatever was missed. */
const resyncEvery = 10 * 60_000;

/** Writes the status of objects into the API server: only what differs from what is there, and never an older object's. */
export class KubernetesStatus implements StatusSink {
  readonly #deps: KubernetesStatusDeps;
  readonly #queue: KeyedQueue;
  readonly #failures: FailureLog;
  readonly #desired = new Map<string, ObjectStatus>();
  readonly #writtenAt = new Map<string, number>();
  readonly #pendingSince = new Map<string, number>();
  #startsUntil: number;
  readonly #unwatch: () => void;
  readonly #resync: Timer;
  #isSchemaTold = false;

  constructor(deps: KubernetesStatusDeps) {
    this.#deps = deps;
    const { clock, random, logger } = deps;
    this.#startsUntil = clock.now() + startMilliseconds;
    this.#failures = new FailureLog(logger);
    const onError = (key: string, caught: unknown): void => {
      deps.counted?.('Failed');
      this.#failures.failed('status not written', key, caught);
    };
    this.#queue = new KeyedQueue({ concurrency: inFlight, work: (key) => this.#work(key), onError, clock, random });
    this.#unwatch = deps.stored.onStored((ref) => this.#look(describeRef(ref)));
    this.#resync = clock.every(resyncEvery, () => this.#addAll());
  }

  /** Objects whose status is being written or waits for it. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Takes a status; what differs is written soon after. */
  write(report: StatusReport): Promise<void> {
    const present = new Set<string>();
    for (const object of report.objects) {
      if (object.kind === 'RouterConfig' || object.kind === 'File') continue;
      const key = describeRef(object);
      present.add(key);
      if (isDeepStrictEqual(this.#desired.get(key), object)) continue;
      this.#desired.set(key, object);
      this.#queue.add(key);
    }
    for (const key of this.#desired.keys()) if (!present.has(key)) this.#forget(key);
    return Promise.resolve();
  }

  /** Every node has dialled and reported: from now on everything is written. */
  settle(): void {
    if (this.#startsUntil <= this.#deps.clock.now()) return;
    this.#startsUntil = -Infinity;
    this.#addAll();
  }

  /** Resolves when everything that can be written now is. */
  drain(): Promise<void> {
    return this.#queue.drain();
  }

  /** Writes nothing more. */
  async close(): Promise<void> {
    this.#unwatch();
    this.#resync.cancel();
    await this.#queue.close();
  }

  #addAll(): void {
    for (const key of this.#desired.keys()) this.#queue.add(key);
  }

  #look(key: string): void {
    if (this.#desired.has(key)) this.#queue.add(key);
  }

  #forget(key: string): void {
    this.#desired.delete(key);
    this.#writtenAt.delete(key);
    this.#pendingSince.delete(key);
  }

  /** Milliseconds for which the status shall not be written yet, because it may be over before anybody has read it. */
  #patience(key: string, { status }: ObjectStatus, stored: unknown): number {
    const now = this.#deps.clock.now();
    const left = this.#startsUntil - now;
    if (left > 0) return isUrgent(status, stored) ? 0 : left;
    if (conditionOf(status, 'Ready') !== 'Unknown' || conditionOf(stored, 'Ready') !== 'True') {
      this.#pendingSince.delete(key);
      return 0;
    }
    const since = this.#pendingSince.get(key) ?? now;
    this.#pendingSince.set(key, since);
    return since + pendingAfter - now;
  }

  async #work(key: string): Promise<void> {
    const { stored, clock } = this.#deps;
    const object = this.#desired.get(key);
    const present = object === undefined ? undefined : stored.stored(object);
    // An object that is not there (yet) is looked at again when it is.
    if (object === undefined || present === undefined) return;
    const patience = this.#patience(key, object, present.status);
    if (patience > 0) return this.#queue.add(key, { afterMs: patience });
    const now = clock.now();
    const plan = planStatus(object.status, present.status, new Date(now).toISOString());
    if (plan.kind === 'Nothing') return;
    const wait = (this.#writtenAt.get(key) ?? -Infinity) + countsEvery - now;
    if (plan.isCountsOnly && wait > 0) return this.#queue.add(key, { afterMs: wait });
    await this.#write(key, { ...object, status: plan.status }, present);
  }

  async #write(key: string, object: ObjectStatus, present: StoredObjectStatus): Promise<void> {
    const { client, clock, counted } = this.#deps;
    try {
      await client.applyStatus(manifestOf(object, present), { fieldManager, force: true });
    } catch (caught) {
      return this.#failed(key, caught);
    }
    counted?.('Written');
    this.#failures.succeeded(key);
    this.#isSchemaTold = false;
    this.#writtenAt.set(key, clock.now());
    this.#tell(object, present);
  }

  #failed(key: string, caught: unknown): void {
    if (!(caught instanceof ApiFailure)) throw caught;
    if (caught.isNotFound) return;
    if (caught.isConflict) {
      this.#deps.counted?.('Outdated');
      return this.#queue.add(key, { afterMs: outdatedWait });
    }
    if (!caught.isSchemaOutdated) throw caught;
    this.#deps.counted?.('Failed');
    if (!this.#isSchemaTold) {
      const reason = `${caught.message}; apply the custom resource definitions of this version (crds/ of the chart)`;
      this.#deps.logger.error('the definitions are older than the operator', { code: 'SchemaOutdated', reason });
    }
    this.#isSchemaTold = true;
    this.#queue.add(key, { afterMs: schemaWait });
  }

  #tell(object: ObjectStatus, { uid, status }: StoredObjectStatus): void {
    const before = (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions ?? [];
    const { kind, namespace, name } = object;
    for (const event of eventsOf(before, object.status.conditions)) {
      this.#deps.record({ regarding: { apiVersion, kind, namespace, name, uid }, ...event, action: 'Program' });
    }
  }
}

/** Whether a status tells something new that no node's answer can change. */
function isUrgent(desired: ObjectStatus['status'], stored: unknown): boolean {
  const { observedGeneration } = (stored ?? {}) as { readonly observedGeneration?: number };
  const isReadyAnew = conditionOf(stored, 'Ready') !== 'True' || observedGeneration !== desired.observedGeneration;
  if (conditionOf(desired, 'Ready') === 'True' && isReadyAnew) return true;
  const isWrong = ({ status, reason }: Condition): boolean => status === 'False' && !untilNodesDial.has(reason);
  return desired.conditions.some((condition) => isWrong(condition) && conditionOf(stored, condition.type) !== 'False');
}

/** Reasons that the first node takes away. */
const untilNodesDial: ReadonlySet<string> = new Set(['NoNodes']);

function conditionOf(status: unknown, wanted: string): Condition['status'] | undefined {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions.find(({ type }) => type === wanted)?.status;
}

const apiVersion = 'quiver.dev/v1alpha1';

function manifestOf({ kind, namespace, name, status }: ObjectStatus, { uid, resourceVersion }: StoredObjectStatus) {
  return { apiVersion, kind, metadata: { namespace, name, uid, resourceVersion }, status };
}
