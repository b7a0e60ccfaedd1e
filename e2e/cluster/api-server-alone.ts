import { mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { guardFolder } from '../harness/leftover-guard.ts';
import { Process } from '../harness/process.ts';
import type { Binaries } from './binaries/build.ts';
import { apiServerCommand, auditFiles, auditPolicy, etcdCommand } from './control-plane/api-server.ts';
import { shared } from './network/plan.ts';
import { writeClusterFiles } from './pki/cluster-files.ts';

const HOST = '127.0.0.1';

/**
 * etcd and an API server on this machine, without nodes: for what talks to the API and needs no pods. It goes when it
 * is closed or this process ends.
 */
export class ApiServerAlone {
  /** Of an administrator. */
  readonly kubeconfig: string;
  readonly url: string;
  /** Every write, and every read of the release namespace's accounts, one JSON object a line. */
  readonly auditLog: string;
  readonly #folder: string;
  readonly #etcd: Process;
  readonly #command: readonly string[];
  readonly #guard: { release: () => void };
  #server: Process;

  private constructor(folder: string, port: number, etcd: Process, command: readonly string[]) {
    this.#folder = folder;
    this.#guard = guardFolder(folder);
    this.#etcd = etcd;
    this.#command = command;
    this.url = `https://${HOST}:${port}`;
    this.kubeconfig = join(folder, 'pki/admin.kubeconfig');
    this.auditLog = join(folder, auditFiles.log);
    this.#server = new Process(command);
  }

  /** Starts both; resolves when the API answers. */
  static async start({ bin }: Binaries): Promise<ApiServerAlone> {
    const folder = mkdtempSync(join(tmpdir(), 'quiver-api-'));
    const [client = 0, peer = 0, port = 0] = await freePorts(3);
    const pki = join(folder, 'pki');
    await mkdir(join(folder, 'etcd'), { mode: 0o700 });
    await writeFile(join(folder, auditFiles.policy), auditPolicy);
    await writeClusterFiles(pki, {
      cluster: 'alone',
      server: `https://${HOST}:${port}`,
      apiServer: { dnsNames: ['localhost', 'kubernetes.default.svc'], addresses: [HOST, shared.apiService.v4] },
      nodes: [],
    });
    const etcd = { client: `http://${HOST}:${client}`, peer: `http://${HOST}:${peer}` };
    const [, ...etcdArguments] = etcdCommand({ data: join(folder, 'etcd'), ...etcd });
    const store = new Process([join(bin, 'etcd'), ...etcdArguments]);
    const [, ...arguments_] = apiServerCommand({
      pki,
      folder,
      etcd,
      port,
      bindAddress: HOST,
      // Loopback is refused; nobody follows this address.
      advertiseAddress: '192.0.2.1',
      serviceCidrs: Object.values(shared.serviceCidrs),
    });
    const server = new ApiServerAlone(folder, port, store, [join(bin, 'kube-apiserver'), ...arguments_]);
    await server.ready();
    return server;
  }

  /** Resolves when it serves. */
  async ready(): Promise<void> {
    const ready = async (): Promise<true | undefined> => {
      if (this.#server.hasEnded) throw new Error(`the API server ended: ${this.#server.stderr.slice(-2000)}`);
      const { stdout } = await run(['curl', '-sk', '--max-time', '2', `${this.url}/readyz`]);
      return stdout === 'ok' ? true : undefined;
    };
    await eventually('the API server is ready', ready, { within: 90_000, every: 100 });
  }

  /** Ends it as a crash does, or in order; etcd goes on. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.#server.stop(signal, 90_000);
  }

  /** Starts it again after `stop`, with the same state at the same address. */
  async restart(): Promise<void> {
    this.#server = new Process(this.#command);
    await this.ready();
  }

  /** It takes connections and says nothing, until `resume`. */
  pause(): void {
    this.#server.signal('SIGSTOP');
  }

  resume(): void {
    this.#server.signal('SIGCONT');
  }

  /** Lines of the audit so far. */
  async audit(): Promise<readonly string[]> {
    return (await readFile(this.auditLog, 'utf8')).split('\n').filter((line) => line !== '');
  }

  async close(): Promise<void> {
    this.resume();
    await this.stop();
    await this.#etcd.stop('SIGKILL');
    this.#guard.release();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Ports of this machine that nobody listens on. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, HOST, () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
