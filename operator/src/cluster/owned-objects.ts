import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import { ownedBy } from '../dns/owned-objects.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { ApiFailure } from '../kubernetes/client/api-failure.ts';
import {
  isRecord,
  type KubeObject,
  type OwnerReference,
  refOfObject,
  type StoredObject,
} from '../kubernetes/client/kube-object.ts';
import { FailureLog } from '../kubernetes/work-queue/failure-log.ts';
import { KeyedQueue } from '../kubernetes/work-queue/keyed-queue.ts';
import type { Logger } from '../logger.ts';

/** What the cache holds of objects that the operator made: by label, and by an owner that is a Quiver Service. */
export interface OwnedStore {
  owned(): Iterable<StoredObject>;
  ownedObject(kind: string, namespace: string, name: string): StoredObject | undefined;
  /** Calls the listener after each change of such an object. Gives the way to end it. */
  onOwned(
    listener: (object: { readonly kind: string; readonly namespace: string; readonly name: string }) => void,
  ): () => void;
}

export interface OwnedObjectsDeps {
  readonly client: Pick<ApiClient, 'create' | 'mergePatch' | 'delete'>;
  readonly store: OwnedStore;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly counted?: (result: 'Written' | 'Outdated' | 'Failed') => void;
}

const inFlight = 8;
/** Until the cache has seen what made a write fail. */
const outdatedWait = 250;
const resyncEvery = 10 * 60_000;

/** Keeps objects of the operator in users' namespaces as they shall be, and touches no others. */
export class OwnedObjects {
  readonly #deps: OwnedObjectsDeps;
  readonly #queue: KeyedQueue;
  readonly #failures: FailureLog;
  /** Undefined before anybody has said what is wanted: until then nothing is known to be too much. */
  #desired: ReadonlyMap<string, KubeObject> | undefined;
  readonly #ends: readonly (() => void)[];

  constructor(deps: OwnedObjectsDeps) {
    this.#deps = deps;
    const { clock, random, logger, store } = deps;
    this.#failures = new FailureLog(logger);
    const onError = (key: string, caught: unknown): void => {
      deps.counted?.('Failed');
      this.#failures.failed('object not written', key, caught);
    };
    this.#queue = new KeyedQueue({ concurrency: inFlight, work: (key) => this.#work(key), onError, clock, random });
    const resync = clock.every(resyncEvery, () => this.#addAll());
    this.#ends = [store.onOwned((object) => this.#queue.add(keyFor(object))), () => resync.cancel()];
  }

  get depth(): number {
    return this.#queue.depth;
  }

  /** From now on exactly these shall be there. */
  want(objects: readonly KubeObject[]): void {
    const before = this.#desired;
    const desired = new Map(objects.map((object) => [keyOfObject(object), object]));
    this.#desired = desired;
    if (before === undefined) return this.#addAll();
    for (const [key, object] of desired) if (!isDeepStrictEqual(before.get(key), object)) this.#queue.add(key);
    for (const key of before.keys()) if (!desired.has(key)) this.#queue.add(key);
  }

  drain(): Promise<void> {
    return this.#queue.drain();
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    await this.#queue.close();
  }

  #addAll(): void {
    for (const key of this.#desired?.keys() ?? []) this.#queue.add(key);
    for (const object of this.#deps.store.owned()) this.#queue.add(keyOfObject(object));
  }

  async #work(key: string): Promise<void> {
    if (this.#desired === undefined) return;
    const [kind = '', namespace = '', name = ''] = key.split(' ');
    const desired = this.#desired.get(key);
    const present = this.#deps.store.ownedObject(kind, namespace, name);
    try {
      await this.#reconcile(present, desired);
      this.#failures.succeeded(key);
    } catch (caught) {
      if (!(caught instanceof ApiFailure && (caught.isConflict || caught.isNotFound))) throw caught;
      this.#deps.counted?.('Outdated');
      this.#queue.add(key, { afterMs: outdatedWait });
    }
  }

  async #reconcile(present: StoredObject | undefined, desired: KubeObject | undefined): Promise<void> {
    if (desired === undefined) return present === undefined ? undefined : this.#delete(present);
    return present === undefined ? this.#create(desired) : this.#change(present, desired);
  }

  // A creation, never an apply: an object of that name that somebody made a moment ago is not taken over.
  async #create(desired: KubeObject): Promise<void> {
    try {
      await this.#deps.client.create(desired);
      this.#deps.counted?.('Written');
    } catch (caught) {
      if (!(caught instanceof ApiFailure)) throw caught;
      // Either the cache does not show ours yet, or the translation will see that the name is taken.
      if (caught.isAlreadyExists) return;
      if (!caught.isNotFound) throw caught;
      // The namespace is gone or going, and the Quiver Service with it.
    }
  }

  async #change(present: StoredObject, desired: KubeObject): Promise<void> {
    if (!isOurs(present) || contains(present, desired)) return;
    const { resourceVersion } = present.metadata;
    const { apiVersion: _, kind: __, metadata, ...rest } = desired;
    const { labels, ownerReferences } = metadata;
    await this.#deps.client.mergePatch(refOfObject(present), {
      metadata: { resourceVersion, labels, ownerReferences },
      ...rest,
    });
    this.#deps.counted?.('Written');
  }

  async #delete(present: StoredObject): Promise<void> {
    if (!isOwnedByQuiver(present)) return;
    const { uid, resourceVersion } = present.metadata;
    await this.#deps.client.delete(refOfObject(present), { uid, resourceVersion });
    this.#deps.counted?.('Written');
  }
}

/**
 * Whether everything that is wanted stands in what is there; the API server adds fields of its own. Lists are whole, and
 * an empty one is as good as none: the API server leaves it out.
 */
export function contains(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (wanted.length === 0 && (present === undefined || present === null)) return true;
    if (!Array.isArray(present) || present.length !== wanted.length) return false;
    return wanted.every((item, index) => contains(present[index], item));
  }
  if (!isRecord(wanted)) return isDeepStrictEqual(present, wanted);
  if (!isRecord(present)) return false;
  return Object.entries(wanted).every(([key, value]) => value === undefined || contains(present[key], value));
}

// A label can be copied by anybody: what belongs to another controller is never ours.
function isOurs({ metadata }: StoredObject): boolean {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  const isLabelled = metadata.labels?.['app.kubernetes.io/managed-by'] === ownedBy;
  return isLabelled && (controller === undefined || isQuiverService(controller));
}

function isOwnedByQuiver(object: StoredObject): boolean {
  return isOurs(object) && (object.metadata.ownerReferences ?? []).some(isQuiverService);
}

function isQuiverService({ apiVersion, kind }: OwnerReference): boolean {
  return apiVersion.startsWith('quiver.dev/') && kind === 'Service';
}

function keyFor(object: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${object.kind} ${object.namespace} ${object.name}`;
}

function keyOfObject({ kind, metadata }: KubeObject): string {
  return keyFor({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
}
