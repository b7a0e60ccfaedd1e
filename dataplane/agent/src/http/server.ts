import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AgentError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** What is asked over HTTP. */
export interface HttpSources {
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why the node is not ready; empty when it is. */
  readonly notReady: () => string;
}

export interface HttpListening {
  readonly port: number;
  close(): Promise<void>;
}

interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Serves `/metrics`, `/healthz` and `/readyz` in plain text. */
export async function serveHttp(address: HttpAddress, sources: HttpSources, logger: Logger): Promise<HttpListening> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    // Whatever is asked for, only these few paths are compared: nothing here can fail on a malformed one.
    const [pathname = ''] = (request.url ?? '').split('?');
    const answered = isRead ? answer(pathname, response, sources) : say(response, 405, 'only GET is served\n');
    void answered.catch((caught: unknown) => {
      logger.error('a request failed', { path: pathname, reason: messageOf(caught) });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(unusable(address, error)));
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  logger.info('serving metrics and health', { address: `${address.host}:${port}` });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(path: string, response: ServerResponse, { metrics, notReady }: HttpSources): Promise<void> {
  switch (path) {
    case '/metrics': {
      const { contentType, text } = await metrics();
      return say(response, 200, text, contentType);
    }
    case '/healthz':
      return say(response, 200, 'ok\n');
    case '/readyz': {
      const reason = notReady();
      return reason === '' ? say(response, 200, 'ok\n') : say(response, 503, `${reason}\n`);
    }
    default:
      return say(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): Promise<void> {
  response.writeHead(status, { 'content-type': type }).end(text);
  return Promise.resolve();
}

function unusable({ host, port }: HttpAddress, error: Error): AgentError {
  const message = `cannot serve metrics at ${host}:${port}: ${error.message}; choose another with --metrics-address`;
  return new AgentError('AddressUnusable', message, { cause: error });
}
