import type { ObjectRef } from '../api/resources.ts';
import type { OwnedStore } from '../cluster/owned-objects.ts';
import { keyOf, type StoredObject } from '../kubernetes/client/kube-object.ts';
import { type ResourceType, resourceTypes } from '../kubernetes/resource-type.ts';
import type { FakeStorage, HistoryEvent } from '../kubernetes/testing/fake-storage.ts';
import type { StoredObjectStatus, StoredStatuses } from '../status/stored-status.ts';

const kinds: Readonly<Record<string, ResourceType>> = {
  Tenant: resourceTypes.tenant,
  Service: resourceTypes.service,
  ServiceRoute: resourceTypes.serviceRoute,
  Peer: resourceTypes.peer,
};

const ownedKinds: Readonly<Record<string, ResourceType>> = {
  Service: resourceTypes.coreService,
  EndpointSlice: resourceTypes.endpointSlice,
};

/** What a cache would hold that is always up to date; while it is frozen, what it held before. */
export class StorageView implements StoredStatuses, OwnedStore {
  readonly #storage: FakeStorage;
  readonly #seen = new Map<string, StoredObject>();
  #isFrozen = false;

  constructor(storage: FakeStorage) {
    this.#storage = storage;
    storage.onEvent((event) => this.#take(event));
    this.#look();
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#look();
  }

  stored(ref: ObjectRef): StoredObjectStatus | undefined {
    const type = kinds[ref.kind];
    const object = type === undefined ? undefined : this.#seen.get(keyFor(type, ref));
    if (object === undefined) return undefined;
    const { uid, resourceVersion } = object.metadata;
    return { uid, resourceVersion, status: object['status'] };
  }

  onStored(listener: (ref: ObjectRef) => void): () => void {
    return this.#storage.onEvent(({ object: { kind, metadata } }) => {
      const { namespace, name } = metadata;
      if (kinds[kind] === undefined || this.#isFrozen) return;
      listener({ kind: kind as ObjectRef['kind'], name, ...(namespace === undefined ? {} : { namespace }) });
    });
  }

  owned(): Iterable<StoredObject> {
    const isOwned = ({ metadata }: StoredObject) =>
      metadata.labels?.['app.kubernetes.io/managed-by'] === 'quiver-operator';
    return [...this.#seen.values()].filter(isOwned);
  }

  ownedObject(kind: string, namespace: string, name: string): StoredObject | undefined {
    return [...this.owned()].find(
      ({ kind: its, metadata }) => its === kind && metadata.namespace === namespace && metadata.name === name,
    );
  }

  onOwned(listener: (object: { kind: string; namespace: string; name: string }) => void): () => void {
    return this.#storage.onEvent(({ type, object: { kind, metadata } }) => {
      if (ownedKinds[kind] !== type || this.#isFrozen) return;
      listener({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
    });
  }

  #take({ type, what, object }: HistoryEvent): void {
    if (this.#isFrozen) return;
    if (what === 'DELETED') this.#seen.delete(keyFor(type, object.metadata));
    else this.#seen.set(keyFor(type, object.metadata), object);
  }

  #look(): void {
    this.#seen.clear();
    for (const type of [...Object.values(kinds), ...Object.values(ownedKinds)]) {
      for (const object of this.#storage.all(type)) this.#seen.set(keyFor(type, object.metadata), object);
    }
  }
}

function keyFor(
  { group, kind }: ResourceType,
  name: { readonly namespace?: string | undefined; readonly name: string },
): string {
  return `${group} ${kind} ${keyOf(name)}`;
}
