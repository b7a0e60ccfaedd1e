import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../clock.ts';
import { assertPermitted, type Verb } from '../permissions.ts';
import {
  apiVersionOf,
  describeType,
  type KubeRef,
  type Place,
  pathOf,
  type ResourceType,
  typeOf,
} from '../resource-type.ts';
import { ApiFailure, answeredFailure, malformedFailure, networkFailure, timeoutFailure } from './api-failure.ts';
import { isRecord, isStoredObject, type KubeObject, keyOf, refOfObject, type StoredObject } from './kube-object.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';
import { type WatchEvent, watchEvents } from './watch-events.ts';

export interface ApiClientDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Namespace of the release: rights on leases, secrets and config maps end there. */
  readonly namespace: string;
}

export interface CallOptions {
  /** Milliseconds until an answer is given up. */
  readonly limit?: number;
  /** Ends the call when the caller does not want it any more. */
  readonly signal?: AbortSignal;
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  /** Takes fields over that other managers own. */
  readonly force: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Only the object with this uid, never a later one of the same name. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Part of a list, as JSON. */
export interface ListPage {
  readonly items: readonly StoredObject[];
  readonly resourceVersion: string;
  /** Asks for the next part; undefined: this was the last. */
  readonly next: string | undefined;
}

/** A watch that the server has begun to answer. */
export interface OpenWatch {
  readonly events: AsyncIterable<WatchEvent>;
  /** Ends it at once. */
  close(): void;
  /** Ends it because it was silent for too long. */
  giveUp(): void;
}

const defaultLimit = 10_000;
const listLimit = 30_000;

/**
 * Calls to the API server. Each ends within its limit, needs a declared permission, and rejects with an `ApiFailure`.
 * Objects go in and come out as JSON.
 */
export class ApiClient {
  readonly #deps: ApiClientDeps;

  constructor(deps: ApiClientDeps) {
    this.#deps = deps;
  }

  /** The object; undefined when it does not exist. */
  async get(ref: KubeRef, options: CallOptions = {}): Promise<StoredObject | undefined> {
    try {
      return await this.#object({ verb: 'get', method: 'GET', ...placeOf(ref) }, options);
    } catch (caught) {
      if (caught instanceof ApiFailure && caught.kind === 'NotFound') return undefined;
      throw caught;
    }
  }

  /** Makes an object that must not exist yet. */
  create(object: KubeObject, options: CallOptions = {}): Promise<StoredObject> {
    return this.#object(this.#creation(object), options);
  }

  /** Sends a question whose answer is not stored, such as a TokenReview. */
  async ask(object: Omit<KubeObject, 'metadata'>, options: CallOptions = {}): Promise<Record<string, unknown>> {
    const { apiVersion, kind } = object as { apiVersion: string; kind: string };
    const type = typeOf({ apiVersion, kind });
    return this.#json({ verb: 'create', method: 'POST', type, body: object }, options);
  }

  /** Writes the whole object; with `metadata.resourceVersion` only over that version. */
  replace(object: KubeObject, options: CallOptions = {}): Promise<StoredObject> {
    return this.#object({ verb: 'update', method: 'PUT', ...placeOf(refOfObject(object)), body: object }, options);
  }

  /** Server-side apply: the fields given here are this manager's, those left out are given up. */
  apply(object: KubeObject, options: ApplyOptions): Promise<StoredObject> {
    return this.#apply(object, undefined, options);
  }

  /**
   * Server-side apply of `status`, and of nothing else. Guarded by `metadata.resourceVersion`: a status made for an
   * older object of the same name must not reach the one of today, and the server does not compare uids. `Outdated`
   * means: read again.
   */
  applyStatus(object: StoredObject, options: ApplyOptions): Promise<StoredObject> {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace, resourceVersion } = metadata;
    const body = { apiVersion, kind, metadata: { name, namespace, resourceVersion }, status: object['status'] };
    return this.#apply(body, 'status', options);
  }

  /** Changes the fields named in `change`; `null` removes one. */
  mergePatch(ref: KubeRef, change: object, options: CallOptions = {}): Promise<StoredObject> {
    const contentType = 'application/merge-patch+json';
    return this.#object({ verb: 'patch', method: 'PATCH', ...placeOf(ref), body: change, contentType }, options);
  }

  /** Changes an object by the steps of a JSON patch. */
  jsonPatch(ref: KubeRef, steps: readonly object[], options: CallOptions = {}): Promise<StoredObject> {
    const contentType = 'application/json-patch+json';
    return this.#object({ verb: 'patch', method: 'PATCH', ...placeOf(ref), body: steps, contentType }, options);
  }

  /** Deletes the object; one that is gone already counts as deleted. */
  async delete(ref: KubeRef, { uid, resourceVersion, ...options }: DeleteOptions = {}): Promise<void> {
    const preconditions = { uid, resourceVersion };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy: 'Background' };
    try {
      await this.#json({ verb: 'delete', method: 'DELETE', ...placeOf(ref), body }, options);
    } catch (caught) {
      if (!(caught instanceof ApiFailure) || caught.kind !== 'NotFound') throw caught;
    }
  }

  /** Part of all objects of a type. */
  async list(type: ResourceType, query: Query, options: CallOptions = {}): Promise<ListPage> {
    const call: Call = { verb: 'list', method: 'GET', type, query };
    const answer = await this.#json(call, { limit: listLimit, ...options });
    return pageOf(answer, type, describeCall(call));
  }

  /** Begins a watch of all objects of a type; `options.limit` holds until the server begins to answer. */
  async watch(type: ResourceType, query: Query, options: CallOptions = {}): Promise<OpenWatch> {
    const call: Call = { verb: 'watch', method: 'GET', type, query: { ...query, watch: true } };
    const target = describeCall(call);
    const { body } = await this.#send(call, options);
    const close = (): void => void body.destroy();
    const giveUp = (): void => {
      close();
      this.#deps.transport.renew();
    };
    return { events: this.#events(body, target), close, giveUp };
  }

  async *#events(body: Readable, target: string): AsyncGenerator<WatchEvent, void> {
    try {
      yield* watchEvents(body, target);
    } catch (caught) {
      throw networkFailure(caught, target);
    } finally {
      body.destroy();
    }
  }

  #apply(object: KubeObject, subresource: 'status' | undefined, options: ApplyOptions): Promise<StoredObject> {
    const { fieldManager, force } = options;
    const contentType = 'application/apply-patch+yaml';
    const place = { ...placeOf(refOfObject(object)), subresource };
    const query = { fieldManager, force };
    return this.#object({ verb: 'patch', method: 'PATCH', ...place, query, body: object, contentType }, options);
  }

  #creation(object: KubeObject): Call {
    const { namespace } = object.metadata;
    return { verb: 'create', method: 'POST', type: typeOf(object), namespace, body: object };
  }

  async #object(call: Call, options: CallOptions): Promise<StoredObject> {
    const answer = await this.#json(call, options);
    if (isStoredObject(answer)) return answer;
    throw malformedFailure(describeCall(call), 'the answer is no object');
  }

  async #json(call: Call, options: CallOptions): Promise<Record<string, unknown>> {
    const target = describeCall(call);
    const body = await this.#limited(target, options, async (signal) => text((await this.#answer(call, signal)).body));
    try {
      const value: unknown = JSON.parse(body);
      if (isRecord(value)) return value;
    } catch {
      // Told below, as any other text that is no object.
    }
    throw malformedFailure(target, 'the answer is no JSON object');
  }

  /** The head of a successful answer; its body may go on beyond the limit. */
  #send(call: Call, options: CallOptions): Promise<HttpResponse> {
    return this.#limited(describeCall(call), options, (signal) => this.#answer(call, signal));
  }

  async #limited<T>(target: string, options: CallOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = options.limit ?? defaultLimit;
    const late = new AbortController();
    const timer = this.#deps.clock.after(limit, () => late.abort());
    const signal = options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]);
    try {
      return await run(signal);
    } catch (caught) {
      if (!late.signal.aborted) throw networkFailure(caught, target);
      this.#deps.transport.renew();
      throw timeoutFailure(target, limit);
    } finally {
      timer.cancel();
    }
  }

  async #answer(call: Call, signal: AbortSignal): Promise<HttpResponse> {
    assertPermitted(call, this.#deps.namespace);
    const response = await this.#deps.transport.send(requestOf(call, signal));
    if (response.status >= 200 && response.status < 300) return response;
    const body = await text(response.body);
    const { status, retryAfter } = response;
    throw answeredFailure(describeCall(call), { status, body, retryAfter });
  }
}

interface Call extends Place {
  readonly verb: Verb;
  readonly method: HttpRequest['method'];
  readonly type: ResourceType;
  readonly query?: Query;
  readonly body?: object;
  readonly contentType?: string;
}

function requestOf({ method, type, query, body, contentType, ...place }: Call, signal: AbortSignal): HttpRequest {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) words.set(name, String(value));
  const suffix = words.size === 0 ? '' : `?${words.toString()}`;
  const path = `${pathOf(type, place)}${suffix}`;
  if (body === undefined) return { method, path, signal };
  return { method, path, signal, body: JSON.stringify(body), contentType: contentType ?? 'application/json' };
}

function describeCall({ verb, type, namespace, name, subresource }: Call): string {
  const words = [describeType(type), subresource].filter((word) => word !== undefined).join('/');
  const object = name === undefined ? [] : [keyOf({ namespace, name })];
  return [verb, words, ...object].join(' ');
}

function placeOf(ref: KubeRef): { type: ResourceType; namespace?: string | undefined; name: string } {
  return { type: typeOf(ref), namespace: ref.namespace, name: ref.name };
}

function pageOf(answer: Record<string, unknown>, type: ResourceType, target: string): ListPage {
  const { items, metadata } = answer;
  if (!Array.isArray(items) || !isRecord(metadata)) throw malformedFailure(target, 'the answer is no list');
  const { resourceVersion, continue: next } = metadata;
  if (typeof resourceVersion !== 'string') throw malformedFailure(target, 'the list has no resourceVersion');
  // Lists of the core groups leave out what their items share.
  const shared = { apiVersion: apiVersionOf(type), kind: type.kind };
  const objects = items.map((item: unknown) => ({ ...shared, ...(isRecord(item) ? item : {}) }));
  if (!objects.every(isStoredObject)) throw malformedFailure(target, 'an item of the list is no object');
  return { items: objects, resourceVersion, next: typeof next === 'string' && next !== '' ? next : undefined };
}
