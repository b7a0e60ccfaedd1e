import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import {
  AdminServiceClient,
  type DropCount,
  type ExplainRequest,
  type Explanation,
  type Session,
  type StatusResponse,
} from '@quiver/dataplane-api';
import { type Outcome, run } from './command.ts';
import { before, eventually, now } from './eventually.ts';
import type { Namespace } from './namespace.ts';
import type { Process } from './process.ts';

export const repository = join(import.meta.dirname, '../..');

/** The command line program, as it has to be started. */
export function quiver(...args: readonly string[]): string[] {
  const main = join(repository, 'operator/cli/src/main.ts');
  return [process.execPath, '--disable-warning=ExperimentalWarning', main, ...args];
}

export interface RouterSetup {
  readonly name: string;
  readonly namespace: Namespace;
  /** Folder of a site: `router.yaml` and `resources`. It is copied. */
  readonly site: string;
  /** Folder that takes the copy and everything the router writes. */
  readonly folder: string;
  /** Key of the fabric; the same for all its routers. */
  readonly secret: string;
}

/** One site's router: `quiver standalone` in a namespace. */
export class Router {
  readonly folder: string;
  readonly namespace: Namespace;
  readonly socket: string;
  readonly #admin: AdminServiceClient;
  #process: Process | undefined;

  private constructor(namespace: Namespace, folder: string) {
    this.namespace = namespace;
    this.folder = folder;
    this.socket = join(folder, 'agent.sock');
    this.#admin = new AdminServiceClient(`unix:${this.socket}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 100,
    });
  }

  /** Writes the files of a site; nothing is started yet. */
  static async prepare({ name, namespace, site, folder, secret }: RouterSetup): Promise<Router> {
    const own = join(folder, name);
    await cp(site, own, { recursive: true });
    await writeFile(join(own, 'fabric.secret'), secret, { mode: 0o600 });
    return new Router(namespace, own);
  }

  get process(): Process {
    if (this.#process === undefined) throw new Error('the router has not been started');
    return this.#process;
  }

  get log(): string {
    return this.#process === undefined ? '' : `${this.#process.stdout}${this.#process.stderr}`;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** `quiver standalone` for this site, with `more` at its end. */
  command(...more: readonly string[]): string[] {
    const files = ['--config', this.path('router.yaml'), '--resources', this.path('resources')];
    const places = [
      '--socket',
      this.socket,
      '--state-dir',
      this.path('state'),
      '--status-file',
      this.path('status.yaml'),
    ];
    return quiver('standalone', ...files, ...places, ...more);
  }

  launch(...more: readonly string[]): Process {
    this.#process = this.namespace.start(this.command(...more));
    return this.#process;
  }

  /** Starts it and waits until it forwards. Milliseconds that this took. */
  async start(...more: readonly string[]): Promise<number> {
    const begin = now();
    this.launch(...more);
    await this.ready();
    return now() - begin;
  }

  async ready(): Promise<StatusResponse> {
    const process = this.process;
    return eventually(
      `the router in ${this.folder} is ready\n${this.log.slice(-2000)}`,
      async () => {
        if (process.hasEnded) throw new Error(`it ended: ${this.log.slice(-4000)}`);
        const status = await this.status();
        return status.ready ? status : undefined;
      },
      { within: 20_000, every: 30 },
    ).catch((caught: unknown) => {
      throw new Error(`${caught instanceof Error ? caught.message : String(caught)}\n${this.log.slice(-4000)}`);
    });
  }

  /** SIGKILL, as the kernel does when memory is short. */
  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  /** Ends it in order; its exit code. */
  async stop(): Promise<number | null> {
    if (this.#process === undefined || this.#process.hasEnded) return this.#process?.ended() ?? 0;
    return this.#process.stop('SIGTERM');
  }

  close(): void {
    this.#admin.close();
  }

  status(): Promise<StatusResponse> {
    return this.#ask((done) => this.#admin.status({}, done));
  }

  async sessions(filter: { readonly service?: string; readonly address?: string } = {}): Promise<readonly Session[]> {
    const request = { tenant: '', service: '', address: '', sessionId: '', limit: 1000, ...filter };
    return (await this.#ask<{ sessions: Session[] }>((done) => this.#admin.sessions(request, done))).sessions;
  }

  /** Drop reasons that occurred, with their counts. */
  async drops(): Promise<ReadonlyMap<string, number>> {
    const { drops } = await this.#ask<{ drops: DropCount[] }>((done) => this.#admin.drops({}, done));
    return new Map(drops.filter(({ packets }) => packets > 0n).map(({ reason, packets }) => [reason, Number(packets)]));
  }

  explain(request: ExplainRequest): Promise<Explanation> {
    return this.#ask((done) => this.#admin.explain(request, done));
  }

  /** A command of the command line program that asks this router. */
  cli(...args: readonly string[]): Promise<Outcome> {
    return run(quiver(...args, '--socket', this.socket));
  }

  readFile(...parts: readonly string[]): Promise<string> {
    return readFile(this.path(...parts), 'utf8');
  }

  /** Replaces a text in one of the router's files, which has to be there. */
  async edit(file: string, from: string, to: string): Promise<void> {
    const text = await this.readFile(file);
    if (!text.includes(from)) throw new Error(`${file} does not hold "${from}"`);
    await writeFile(this.path(file), text.replace(from, to));
  }

  #ask<T>(call: (done: (error: Error | null, answer: T) => void) => unknown): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      call((error, value) => (error === null ? resolve(value) : reject(error)));
    });
    return before('the router answers', 5000, answer);
  }
}
