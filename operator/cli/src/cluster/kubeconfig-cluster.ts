import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Exec, KubeConfig } from '@kubernetes/client-node';
import { type Cluster, ClusterFailure, type ContainerRef, type Executed, type KubeObject } from './cluster.ts';
import { reasonOf } from './reason-of.ts';
import { RunningExec } from './running-exec.ts';

export interface ClusterDeps {
  readonly timeout: number;
  readonly interrupted: AbortSignal;
  readonly now: () => number;
  readonly makeExec: () => Exec;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const pageSize = 500;
const fieldManager = 'quiver-cli';

/** A cluster behind a kubeconfig. */
export class KubeconfigCluster implements Cluster {
  readonly context: string;
  readonly server: string;
  readonly #config: KubeConfig;
  readonly #deps: ClusterDeps;
  /** Server's clock minus ours, in milliseconds. */
  #offset = 0;

  constructor(config: KubeConfig, server: string, deps: ClusterDeps) {
    this.context = config.getCurrentContext();
    this.server = server;
    this.#config = config;
    this.#deps = deps;
  }

  now(): number {
    return this.#deps.now() + this.#offset;
  }

  async get(path: string): Promise<KubeObject | undefined> {
    const answer = await this.#read(path, 'application/json');
    return answer === undefined ? undefined : (JSON.parse(answer) as KubeObject);
  }

  async list(path: string, query = ''): Promise<readonly KubeObject[]> {
    const items: KubeObject[] = [];
    let next = '';
    do {
      const parts = [`limit=${pageSize}`, query, next === '' ? '' : `continue=${encodeURIComponent(next)}`];
      const page = await this.get(`${path}?${parts.filter((part) => part !== '').join('&')}`);
      items.push(...((page?.['items'] as KubeObject[] | null | undefined) ?? []));
      next = (page?.metadata as { continue?: string } | undefined)?.continue ?? '';
    } while (next !== '');
    return items;
  }

  text(path: string): Promise<string | undefined> {
    return this.#read(path, '*/*');
  }

  async apply(path: string, object: KubeObject, { force } = { force: false }): Promise<void> {
    const query = `fieldManager=${fieldManager}${force ? '&force=true' : ''}`;
    const headers = { accept: 'application/json', 'content-type': 'application/apply-patch+yaml' };
    const whole = `${path}?${query}`;
    this.#accepted(whole, await this.#answer(whole, { method: 'PATCH', headers }, JSON.stringify(object)));
  }

  async exec(where: ContainerRef, command: readonly string[]): Promise<Executed> {
    const { signal, tooLate } = this.#limit();
    const running = new RunningExec();
    const abort = () => running.fail(this.#unanswered(`pod ${where.namespace}/${where.pod}`, tooLate));
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await running.run(this.#deps.makeExec(), where, command);
    } catch (caught) {
      throw caught instanceof ClusterFailure ? caught : this.#refusedExec(where, caught);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #read(path: string, accept: string): Promise<string | undefined> {
    const answer = await this.#answer(path, { headers: { accept } });
    return answer.status === 404 ? undefined : this.#accepted(path, answer);
  }

  #accepted(path: string, { status, body }: Answer): string {
    if (status >= 200 && status < 300) return body;
    const reason = messageIn(body) || `${path} was answered with status ${status}`;
    throw new ClusterFailure(`${this.#name()}: ${reason}`, status);
  }

  async #answer(path: string, options: RequestOptions, body?: string): Promise<Answer> {
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (caught) {
      throw new ClusterFailure(`${this.#name()}: signing in failed: ${reasonOf(caught)}`);
    }
    const url = new URL(`${this.server.replace(/\/$/, '')}${path}`);
    const { signal, tooLate } = this.#limit();
    try {
      return await this.#send(url, { ...options, signal }, body);
    } catch (caught) {
      if (signal.aborted) throw this.#unanswered(this.server, tooLate);
      throw new ClusterFailure(`${this.#name()}: ${this.server} is not reached: ${reasonOf(caught)}`);
    }
  }

  async #send(url: URL, options: RequestOptions, body = ''): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (url.protocol === 'http:' ? http : https).request(url, options, resolve);
    request.on('error', reject).end(body);
    const response = await promise;
    const date = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(date)) this.#offset = date - this.#deps.now();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
  }

  #limit(): { signal: AbortSignal; tooLate: AbortSignal } {
    const tooLate = AbortSignal.timeout(this.#deps.timeout);
    return { tooLate, signal: AbortSignal.any([tooLate, this.#deps.interrupted]) };
  }

  #unanswered(whom: string, tooLate: AbortSignal): ClusterFailure {
    const seconds = this.#deps.timeout / 1000;
    return new ClusterFailure(tooLate.aborted ? `${whom} did not answer within ${seconds} s` : 'interrupted');
  }

  #refusedExec({ namespace, pod }: ContainerRef, caught: unknown): ClusterFailure {
    const reason = reasonOf(caught);
    const status = Number(/response: (\d{3})/.exec(reason)?.[1] ?? 0);
    const way = status === 403 ? '; you need the right "create" on "pods/exec" there' : '';
    return new ClusterFailure(`no command can be run in pod ${namespace}/${pod}: ${reason}${way}`, status);
  }

  #name(): string {
    return `cluster ${this.context}`;
  }
}

function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? '';
  } catch {
    return body.slice(0, 200).trim();
  }
}
