import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { isRecord, type KubeObject, keyOf, type StoredObject } from '../client/kube-object.ts';
import { apiVersionOf, describeType, type ResourceType, resourceTypes } from '../resource-type.ts';
import { FakeStorage, Refusal } from './fake-storage.ts';
import { FakeWatches } from './fake-watches.ts';

export interface FakeApiServerOptions {
  /** False: as a server with WatchList turned off. `Ignored`: as one before WatchList. */
  readonly watchList?: boolean | 'Ignored';
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** A call as it arrived. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Fault {
  readonly status: number;
  readonly body?: string;
  readonly retryAfter?: string;
}

/** An API server in this process that does what the real one does, and fails when a test says so. */
export class FakeApiServer {
  readonly storage = new FakeStorage();
  readonly watches = new FakeWatches(this.storage);
  readonly calls: SeenCall[] = [];
  /** Answers about tokens, as `status` of a TokenReview. */
  readonly tokens = new Map<string, object>();
  /** Kinds that are not installed, as `plural.group`. */
  readonly missing = new Set<string>();
  connections = 0;
  readonly #options: FakeApiServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #dead = new WeakSet<Socket>();
  #faults: { readonly fits: (call: SeenCall) => boolean; readonly fault: Fault }[] = [];
  #isSilent = false;
  #port = 0;

  private constructor(options: FakeApiServerOptions) {
    this.#options = options;
    const answer: RequestListener = (request, response) => void this.#serve(request, response);
    const { tls } = options;
    this.#server =
      tls === undefined ? createServer(answer) : createTlsServer({ cert: tls.certificate, key: tls.key }, answer);
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const server = new FakeApiServer(options);
    await server.listen();
    return server;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  /** Opens the port again, the same as before. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections and cuts those that are there. */
  async down(): Promise<void> {
    if (!this.#server.listening) return this.cut();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** Ends every connection in the middle of whatever it carries. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.watches.forgetAll();
  }

  /** Connections that are there stay open and carry nothing any more; new ones too until `wake`. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) this.#dead.add(socket);
    this.watches.forgetAll();
  }

  wake(): void {
    this.#isSilent = false;
  }

  /** Cut, and the past is forgotten. */
  restart(): void {
    this.cut();
    this.storage.forgetHistory();
  }

  /** Answers the next call that fits with a failure. */
  failNext(fault: Fault, fits: (call: SeenCall) => boolean = () => true): void {
    this.#faults.push({ fits, fault });
  }

  forgetFaults(): void {
    this.#faults = [];
  }

  async close(): Promise<void> {
    await this.down();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isSilent) this.#dead.add(request.socket);
    const body = await text(request).catch(() => '');
    if (this.#dead.has(request.socket)) return;
    const url = new URL(request.url ?? '/', 'http://fake');
    const { method = 'GET', headers } = request;
    const call: SeenCall = { method, path: url.pathname, query: url.searchParams, headers, body: parse(body) };
    this.calls.push(call);
    const index = this.#faults.findIndex(({ fits }) => fits(call));
    const [found] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (found !== undefined) return sendFault(response, found.fault);
    try {
      this.#answer(call, response);
    } catch (caught) {
      if (!(caught instanceof Refusal)) throw caught;
      send(response, caught.status, statusOf(caught));
    }
  }

  #answer(call: SeenCall, response: ServerResponse): void {
    const target = targetOf(call.path);
    if (target === undefined || this.missing.has(describeType(target.type))) {
      return sendFault(response, { status: 404, body: '404 page not found\n' });
    }
    const { type, name } = target;
    if (call.method === 'GET' && name === undefined) {
      if (call.query.get('watch') !== 'true') return send(response, 200, this.#list(type, call.query));
      return this.watches.open(type, call.query, this.#options.watchList ?? true, response);
    }
    if (call.method === 'POST' && type === resourceTypes.tokenReview)
      return send(response, 201, this.#review(call.body));
    send(response, call.method === 'POST' ? 201 : 200, this.#write(call, target));
  }

  #write(
    { method, body, headers }: SeenCall,
    { type, namespace, name = '', subresource }: Target,
  ): StoredObject | object {
    const key = keyOf({ namespace, name });
    const object = body as KubeObject;
    switch (method) {
      case 'GET':
        return this.storage.get(type, key);
      case 'POST':
        return this.storage.create(object);
      case 'PUT':
        return this.storage.update(type, object);
      case 'DELETE': {
        const { preconditions } = isRecord(body) ? body : {};
        return this.storage.delete(type, key, isRecord(preconditions) ? preconditions : {});
      }
      default:
        if (headers['content-type'] !== 'application/apply-patch+yaml') return this.storage.mergePatch(type, key, body);
        return this.storage.apply(type, key, object, subresource);
    }
  }

  #list(type: ResourceType, query: URLSearchParams): object {
    const all = this.storage.all(type);
    const from = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const next = from + limit < all.length ? String(from + limit) : '';
    const metadata = { resourceVersion: String(this.storage.version), continue: next };
    const items = all
      .slice(from, from + limit)
      .map(({ metadata: its, spec, status }) => ({ metadata: its, spec, status }));
    return { apiVersion: apiVersionOf(type), kind: `${type.kind}List`, metadata, items };
  }

  #review(question: unknown): object {
    const spec = isRecord(question) && isRecord(question['spec']) ? question['spec'] : {};
    const status = this.tokens.get(String(spec['token'])) ?? { authenticated: false, error: 'invalid bearer token' };
    return { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec, status };
  }
}

interface Target {
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

function targetOf(path: string): Target | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [group = '', version = ''] = parts[0] === 'api' ? ['', parts[1]] : [parts[1], parts[2]];
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const isInside = rest[0] === 'namespaces' && rest.length > 2;
  const [plural, name, subresource] = isInside ? rest.slice(2) : rest;
  const type = Object.values<ResourceType>(resourceTypes).find(
    (one) => one.group === group && one.version === version && one.plural === plural,
  );
  return type === undefined ? undefined : { type, namespace: isInside ? rest[1] : undefined, name, subresource };
}

function statusOf({ status, reason, message, details }: Refusal): object {
  return { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: status, reason, message, details };
}

function sendFault(response: ServerResponse, { status, body = '', retryAfter }: Fault): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  response.writeHead(status, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/plain' });
  response.end(body);
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
