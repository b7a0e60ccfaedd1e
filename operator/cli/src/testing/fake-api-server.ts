import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { stringify } from 'yaml';
import type { KubeObject } from '../cluster/cluster.ts';
import { acceptSocket, frameOf } from './web-socket.ts';

/** How a command in a container ends: with output, refused by the API server, never, or by a broken connection. */
export type FakeEnd =
  | { readonly exitCode?: number; readonly stdout?: string; readonly stderr?: string }
  | { readonly refusal: number }
  | 'never'
  | 'broken';

export interface FakeExec {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

type Refusal = { readonly status: number; readonly message: string };

const pageSize = 2;

/** An API server in this process: serves objects that a test puts in, and ends commands as a test says. */
export class FakeApiServer {
  readonly #http: Server;
  readonly #objects: KubeObject[] = [];
  readonly #sockets = new Set<Duplex>();
  /** Path and query of every request, in order. */
  readonly requests: string[] = [];
  readonly executed: FakeExec[] = [];
  /** Objects that were applied, in order. */
  readonly applied: KubeObject[] = [];
  exec: (asked: FakeExec) => FakeEnd = () => ({ refusal: 404 });
  /** Answers some paths otherwise. */
  refuse: (path: string) => Refusal | undefined = () => undefined;
  /** Texts by path without query, such as logs. */
  readonly texts = new Map<string, string>();
  /** The server's clock, milliseconds. */
  time = Date.parse('2026-10-24T12:00:00Z');

  private constructor() {
    this.#http = createServer((request, response) => this.#serve(request, response));
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex) => this.#upgrade(request, socket));
    this.#http.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async listen(): Promise<FakeApiServer> {
    const server = new FakeApiServer();
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  add(...objects: readonly KubeObject[]): void {
    this.#objects.push(...objects);
  }

  /** Replaces the objects of that name, or removes them. */
  change(name: string, by: (object: KubeObject) => KubeObject | undefined): void {
    const rest = this.#objects.flatMap((object) => (object.metadata.name === name ? (by(object) ?? []) : object));
    this.#objects.splice(0, this.#objects.length, ...rest);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', this.url);
    this.requests.push(`${url.pathname}${url.search}`);
    const { status, body } = request.method === 'PATCH' ? this.#apply(request, url) : this.#answer(url);
    response.writeHead(status, { date: new Date(this.time).toUTCString(), 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #answer(url: URL): { status: number; body: unknown } {
    const refusal = this.refuse(url.pathname);
    if (refusal !== undefined) return { status: refusal.status, body: { kind: 'Status', message: refusal.message } };
    const text = this.texts.get(url.pathname);
    if (text !== undefined) return { status: 200, body: text };
    const { namespace, plural, name } = partsOf(url.pathname);
    const all = this.#objects.filter((object) => isIn(object, url.pathname, plural) && isOf(object, namespace));
    if (name !== undefined) {
      const found = all.find(({ metadata }) => metadata.name === name);
      return found === undefined ? { status: 404, body: { message: 'not found' } } : { status: 200, body: found };
    }
    return { status: 200, body: pageOf(all.filter(selectorOf(url)), url) };
  }

  #apply(request: IncomingMessage, url: URL): { status: number; body: unknown } {
    const refusal = this.refuse(url.pathname);
    if (refusal !== undefined) return { status: refusal.status, body: { kind: 'Status', message: refusal.message } };
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.applied.push(JSON.parse(Buffer.concat(chunks).toString()) as KubeObject));
    return { status: 200, body: {} };
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    const url = new URL(request.url ?? '', this.url);
    const [, namespace = '', pod = ''] = /namespaces\/([^/]+)\/pods\/([^/]+)\/exec$/.exec(url.pathname) ?? [];
    const container = url.searchParams.get('container') ?? '';
    const asked = { namespace, pod, container, command: url.searchParams.getAll('command') };
    this.executed.push(asked);
    const end = this.exec(asked);
    if (end === 'broken') socket.destroy();
    else if (end === 'never') acceptSocket(request, socket);
    else if ('refusal' in end) socket.end(`HTTP/1.1 ${end.refusal} Refused\r\nconnection: close\r\n\r\n`);
    else finish(request, socket, end);
  }
}

function finish(
  request: IncomingMessage,
  socket: Duplex,
  { exitCode = 0, stdout = '', stderr = '' }: { exitCode?: number; stdout?: string; stderr?: string },
): void {
  acceptSocket(request, socket);
  const causes = [{ reason: 'ExitCode', message: String(exitCode) }];
  const failure = { status: 'Failure', reason: 'NonZeroExitCode', message: 'it failed', details: { causes } };
  for (const [channel, text] of [
    [1, stdout],
    [2, stderr],
    [3, JSON.stringify(exitCode === 0 ? { status: 'Success' } : failure)],
  ] as const)
    if (text !== '') socket.write(frameOf(channel, text));
}

function partsOf(path: string): { namespace?: string; plural: string; name?: string } {
  const [, rest = ''] = /^\/(?:api|apis\/[^/]+)\/[^/]+\/(.*)$/.exec(path) ?? [];
  const [, namespace, inside = rest] = /^namespaces\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  const [plural = '', name, subresource] = inside.split('/');
  if (subresource !== undefined) return { plural: '', name: subresource };
  return { plural, ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
}

function isIn({ apiVersion = '', kind = '' }: KubeObject, path: string, plural: string): boolean {
  const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}/` : `/api/${apiVersion}/`;
  return path.startsWith(prefix) && `${kind.toLowerCase()}s` === plural;
}

function isOf({ metadata }: KubeObject, namespace: string | undefined): boolean {
  return namespace === undefined || metadata.namespace === namespace;
}

/** `a=b` and `a in (b,c)`, as far as the program uses them. */
function selectorOf(url: URL): (object: KubeObject) => boolean {
  const terms = (url.searchParams.get('labelSelector') ?? '').split(/,(?![^(]*\))/).filter((term) => term !== '');
  return ({ metadata }) =>
    terms.every((term) => {
      const [, label = '', one, several = ''] = /^([^ =]+)(?:=(.*)| in \((.*)\))$/.exec(term) ?? [];
      return (one === undefined ? several.split(',') : [one]).includes(metadata.labels?.[label] ?? '');
    });
}

// Small pages, so that every list of a test is put together from several.
function pageOf(all: readonly KubeObject[], url: URL): unknown {
  const start = Number(url.searchParams.get('continue') ?? 0);
  const next = start + pageSize < all.length ? { continue: String(start + pageSize) } : {};
  return { metadata: next, items: all.slice(start, start + pageSize) };
}

/** Writes a kubeconfig with a context for each server; the first is the current one. */
export async function writeKubeconfig(file: string, servers: Readonly<Record<string, FakeApiServer>>): Promise<void> {
  const names = Object.keys(servers);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': names[0],
    clusters: Object.entries(servers).map(([name, { url }]) => ({
      name,
      cluster: { server: url, 'insecure-skip-tls-verify': true },
    })),
    users: [{ name: 'tester', user: { token: 'a-token-of-the-user' } }],
    contexts: names.map((name) => ({ name, context: { cluster: name, user: 'tester' } })),
  };
  await writeFile(file, stringify(config));
}
