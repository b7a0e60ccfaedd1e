import type { Readable } from 'node:stream';
import { type KubeConfig, RequestContext } from '@kubernetes/client-node';
import { type Dispatcher, request } from 'undici';
import { SharedAgents } from './shared-agents.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Must be read to its end, or destroyed. */
  readonly body: Readable;
}

/** Carries requests to one API server. */
export interface Transport {
  /** Resolves with the head of the answer. Rejects when there is none, or when the signal says so. */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Something was silent: connections that carry nothing now may be dead as well, and are given up. */
  renew(): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

/**
 * Requests with the address and the credentials of a kubeconfig. Files of certificates and tokens are read again as
 * they change; connections are shared as long as the credentials are the same.
 */
export class KubeConfigTransport implements Transport {
  readonly #config: KubeConfig;
  readonly #agents = new SharedAgents();
  readonly #server: string;

  /** Takes the kubeconfig over: how it connects is changed. Throws when it names no cluster. */
  constructor(config: KubeConfig) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('the kubeconfig has no current context, or one without a cluster');
    this.#server = server.replace(/\/+$/, '');
    this.#config = config;
    this.#agents.install(config);
  }

  async send({ method, path, contentType, body, signal }: HttpRequest): Promise<HttpResponse> {
    const url = `${this.#server}${path}`;
    const context = new RequestContext(url, method);
    await this.#config.applySecurityAuthentication(context);
    const dispatcher: Dispatcher | undefined = context.getDispatcher();
    const type = contentType === undefined ? {} : { 'content-type': contentType };
    const headers = { ...context.getHeaders(), accept: 'application/json', 'user-agent': 'quiver-operator', ...type };
    const answer = await request(url, {
      method,
      headers,
      signal,
      body: body ?? null,
      // A DELETE with a body is nothing unusual here, and no reason to give the connection up.
      reset: false,
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    // Whoever reads it is told of an error; when nobody does any more, it must not end the process.
    answer.body.on('error', () => undefined);
    const after = answer.headers['retry-after'];
    return {
      status: answer.statusCode,
      retryAfter: Array.isArray(after) ? after[0] : after,
      body: answer.body,
    };
  }

  renew(): void {
    this.#agents.renew();
  }

  close(): Promise<void> {
    return this.#agents.close();
  }
}
