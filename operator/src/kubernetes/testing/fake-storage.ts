import { randomUUID } from 'node:crypto';
import { isRecord, type KubeObject, keyOf, type StoredObject } from '../client/kube-object.ts';
import { describeType, type ResourceType, typeOf } from '../resource-type.ts';

/** A change as a watch tells it. */
export interface HistoryEvent {
  readonly version: number;
  readonly type: ResourceType;
  readonly what: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

/** A refusal with the words of the real server. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: object;

  constructor(status: number, reason: string, message: string, details: object = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.details = details;
  }
}

/** Objects with versions, generations and a history, as etcd and the API server keep them. */
export class FakeStorage {
  #version = 1000;
  #oldest = 1000;
  #history: HistoryEvent[] = [];
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(event: HistoryEvent) => void>();

  get version(): number {
    return this.#version;
  }

  /** Events after a version; undefined when some of them are forgotten. */
  since(version: number): readonly HistoryEvent[] | undefined {
    return version < this.#oldest ? undefined : this.#history.filter((event) => event.version > version);
  }

  /** As a restarted server: what happened until now is forgotten. */
  forgetHistory(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#history = [];
  }

  onEvent(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  all(type: ResourceType): readonly StoredObject[] {
    return [...(this.#objects.get(describeType(type))?.values() ?? [])];
  }

  get(type: ResourceType, key: string): StoredObject {
    const found = this.#objects.get(describeType(type))?.get(key);
    if (found === undefined) throw notFound(type, key);
    return found;
  }

  has(type: ResourceType, key: string): boolean {
    return this.#objects.get(describeType(type))?.has(key) ?? false;
  }

  create(object: KubeObject): StoredObject {
    const type = typeOf(object);
    const key = keyOf(object.metadata);
    if (this.has(type, key)) {
      const message = `${describeType(type)} "${object.metadata.name}" already exists`;
      throw new Refusal(409, 'AlreadyExists', message, { name: object.metadata.name });
    }
    const born = { uid: randomUUID(), generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
    return this.#store('ADDED', type, { ...object, metadata: { ...object.metadata, ...born } });
  }

  /** Writes a new state over the present one; equal content changes nothing. */
  update(type: ResourceType, wanted: KubeObject): StoredObject {
    const present = this.get(type, keyOf(wanted.metadata));
    const { uid, resourceVersion, creationTimestamp } = present.metadata;
    const asked = wanted.metadata;
    if (asked.uid !== undefined && asked.uid !== uid) {
      const message = `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${uid}`;
      throw new Refusal(409, 'Conflict', message, { name: asked.name });
    }
    if (asked.resourceVersion !== undefined && asked.resourceVersion !== resourceVersion) {
      throw new Refusal(
        409,
        'Conflict',
        'the object has been modified; please apply your changes to the latest version',
      );
    }
    const generation = (present.metadata.generation ?? 1) + (equal(present['spec'], wanted['spec']) ? 0 : 1);
    const next = { ...wanted, metadata: { ...asked, uid, resourceVersion, creationTimestamp, generation } };
    return equal(next, present) ? present : this.#store('MODIFIED', type, next);
  }

  /** Server-side apply without the bookkeeping of managers: fields are merged, never given up. */
  apply(type: ResourceType, key: string, change: KubeObject, subresource: string | undefined): StoredObject {
    if (!this.has(type, key) && subresource === undefined) return this.create(change);
    const present = this.get(type, key);
    const { metadata, ...rest } = change;
    const parts = subresource === undefined ? rest : { [subresource]: rest[subresource] };
    const merged = merge(present, { ...parts, metadata: subresource === undefined ? metadata : {} }) as StoredObject;
    const { resourceVersion } = metadata;
    return this.update(
      type,
      resourceVersion === undefined ? withoutVersion(merged) : withVersion(merged, resourceVersion),
    );
  }

  mergePatch(type: ResourceType, key: string, change: unknown): StoredObject {
    const merged = merge(this.get(type, key), change) as StoredObject;
    const { resourceVersion } = isRecord(change) && isRecord(change['metadata']) ? change['metadata'] : {};
    return this.update(type, typeof resourceVersion === 'string' ? merged : withoutVersion(merged));
  }

  delete(type: ResourceType, key: string, preconditions: Readonly<Record<string, unknown>> = {}): StoredObject {
    const present = this.get(type, key);
    const { uid, resourceVersion } = preconditions;
    if (uid !== undefined && uid !== present.metadata.uid) {
      throw new Refusal(
        409,
        'Conflict',
        `the UID in the precondition (${JSON.stringify(uid)}) does not match the UID in record`,
      );
    }
    if (resourceVersion !== undefined && resourceVersion !== present.metadata.resourceVersion) {
      throw new Refusal(409, 'Conflict', 'the ResourceVersion in the precondition does not match');
    }
    this.#objects.get(describeType(type))?.delete(key);
    return this.#tell('DELETED', type, present);
  }

  #store(what: 'ADDED' | 'MODIFIED', type: ResourceType, object: KubeObject): StoredObject {
    const stored = this.#tell(what, type, object);
    const ofType = this.#objects.get(describeType(type)) ?? new Map<string, StoredObject>();
    ofType.set(keyOf(stored.metadata), stored);
    this.#objects.set(describeType(type), ofType);
    return stored;
  }

  #tell(what: HistoryEvent['what'], type: ResourceType, object: KubeObject): StoredObject {
    this.#version += 1;
    const stored = withVersion(object as StoredObject, String(this.#version));
    const event = { version: this.#version, type, what, object: stored };
    this.#history.push(event);
    for (const listener of this.#listeners) listener(event);
    return stored;
  }
}

function notFound(type: ResourceType, key: string): Refusal {
  const name = key.split('/').at(-1);
  return new Refusal(404, 'NotFound', `${describeType(type)} "${name}" not found`, { name, kind: type.plural });
}

function withVersion(object: StoredObject, resourceVersion: string): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

function withoutVersion(object: StoredObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
}

function equal(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function merge(present: unknown, change: unknown): unknown {
  if (!isRecord(change)) return change;
  const merged: Record<string, unknown> = isRecord(present) ? { ...present } : {};
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}
