import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromUnknown, QuiverError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly contentType?: string;
}

/** What is answered at each path. */
export type Routes = Readonly<Record<string, () => Promise<Answer> | Answer>>;

export interface HttpListening {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a few paths in plain HTTP. `listen` is ADDRESS:PORT, without an address all of them. Rejects with `ListenFailed`. */
export async function serveHttp(listen: string, routes: Routes, logger: Logger): Promise<HttpListening> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const [path = ''] = (request.url ?? '').split('?');
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!isRead) return send(response, { status: 405, text: 'only GET is served\n' });
    if (route === undefined)
      return send(response, { status: 404, text: `there is ${Object.keys(routes).join(', ')}\n` });
    void answer(response, route).catch((caught: unknown) => {
      logger.error('a request failed', { path, reason: fromUnknown(caught).message });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(unusable(listen, error)));
    server.listen(addressOf(listen), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(response: ServerResponse, route: () => Promise<Answer> | Answer): Promise<void> {
  send(response, await route());
}

function send(response: ServerResponse, { status, text, contentType = 'text/plain; charset=utf-8' }: Answer): void {
  response.writeHead(status, { 'content-type': contentType }).end(text);
}

function addressOf(listen: string): { readonly host?: string; readonly port: number } {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replaceAll(/^\[|\]$/g, '');
  const port = Number(listen.slice(at + 1));
  return host === '' ? { port } : { host, port };
}

function unusable(listen: string, error: Error): QuiverError {
  return new QuiverError('ListenFailed', `cannot listen at ${listen}: ${error.message}`, { cause: error });
}
