import type { ServerResponse } from 'node:http';
import type { StoredObject } from '../client/kube-object.ts';
import { apiVersionOf, type ResourceType } from '../resource-type.ts';
import type { FakeStorage, HistoryEvent } from './fake-storage.ts';

interface OpenWatch {
  readonly type: ResourceType;
  readonly from: number;
  readonly response: ServerResponse;
}

/** The watches that are open at a fake API server. */
export class FakeWatches {
  readonly #storage: FakeStorage;
  readonly #open = new Set<OpenWatch>();

  constructor(storage: FakeStorage) {
    this.#storage = storage;
    storage.onEvent((event) => this.#tell(event));
  }

  get size(): number {
    return this.#open.size;
  }

  open(type: ResourceType, query: URLSearchParams, watchList: boolean | 'Ignored', response: ServerResponse): void {
    const wantsAll = query.get('sendInitialEvents') === 'true';
    if (wantsAll && watchList === false) return refuse(response);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const asked = query.get('resourceVersion');
    const from = asked === null ? this.#storage.version : Number(asked);
    const missed = this.#storage.since(from);
    if (missed === undefined) return expire(response, from);
    if (asked === null) this.#sendAll(type, wantsAll && watchList === true, response);
    const watch = { type, from, response };
    this.#open.add(watch);
    response.on('close', () => this.#open.delete(watch));
    for (const event of missed) if (event.type === type) write(response, event.what, event.object);
  }

  /** A bookmark to everybody. */
  bookmark(): void {
    for (const { type, response } of this.#open) write(response, 'BOOKMARK', mark(type, this.#storage.version));
  }

  /** The very text to everybody, whatever it is. */
  say(text: string): void {
    for (const { response } of this.#open) response.write(text);
  }

  /** Ends every watch as their time being over does. */
  end(): void {
    for (const { response } of this.#open) response.end();
    this.#open.clear();
  }

  /** Whatever happens, they are told nothing any more. */
  forgetAll(): void {
    this.#open.clear();
  }

  #sendAll(type: ResourceType, withMark: boolean, response: ServerResponse): void {
    for (const object of this.#storage.all(type)) write(response, 'ADDED', object);
    if (!withMark) return;
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    write(response, 'BOOKMARK', mark(type, this.#storage.version, { annotations }));
  }

  #tell({ version, type, what, object }: HistoryEvent): void {
    // A watch from a version that is still to come stays silent until then.
    for (const watch of this.#open) {
      if (watch.type === type && version > watch.from) write(watch.response, what, object);
    }
  }
}

function write(response: ServerResponse, type: string, object: StoredObject | object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function mark(type: ResourceType, version: number, more: object = {}): object {
  const metadata = { resourceVersion: String(version), creationTimestamp: null, ...more };
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata };
}

function expire(response: ServerResponse, version: number): void {
  const message = `too old resource version: ${version}`;
  write(response, 'ERROR', { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired', message });
  response.end();
}

function refuse(response: ServerResponse): void {
  const message = 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
  response.writeHead(422, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: 422, reason: 'Invalid', message }));
}
