import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Clock, systemClock } from '@quiver/operator';
import {
  ApiClient,
  type HttpRequest,
  KubeConfigTransport,
  loadKubeConfig,
  pathOf,
  type ResourceType,
  resourceTypes,
  type StoredObject,
} from '@quiver/operator/kubernetes';
import { ApiServerAlone } from '../cluster/api-server-alone.ts';
import { ensureBinaries } from '../cluster/binaries/build.ts';
import { eventually } from '../harness/eventually.ts';
import { clusterCache } from '../setup/e2e-lab.ts';
import { ROOT } from '../setup/stage.ts';
import { TcpProxy } from './tcp-proxy.ts';

const CRDS = join(ROOT, 'crds');

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** A real API server behind a proxy that can be hurt, and somebody who writes to it past the proxy. */
export class ServerUnderTest {
  readonly server: ApiServerAlone;
  readonly proxy: TcpProxy;
  readonly #direct: KubeConfigTransport;
  readonly #clients: KubeConfigTransport[] = [];

  private constructor(server: ApiServerAlone, proxy: TcpProxy) {
    this.server = server;
    this.proxy = proxy;
    this.#direct = new KubeConfigTransport(loadKubeConfig(server.kubeconfig));
  }

  static async start(): Promise<ServerUnderTest> {
    const binaries = await ensureBinaries(clusterCache, (line) => console.log(line));
    const server = await ApiServerAlone.start(binaries);
    return new ServerUnderTest(server, await TcpProxy.start(Number(new URL(server.url).port)));
  }

  /** A client through the proxy. */
  async client(clock: Clock = systemClock()): Promise<ApiClient> {
    const kubeconfig = `${this.server.kubeconfig}.proxied`;
    const direct = readFileSync(this.server.kubeconfig, 'utf8');
    await writeFile(kubeconfig, direct.replace(this.server.url, `https://127.0.0.1:${this.proxy.port}`));
    const transport = new KubeConfigTransport(loadKubeConfig(kubeconfig));
    this.#clients.push(transport);
    return new ApiClient({ transport, clock, namespace: 'quiver-system' });
  }

  /** A kubeconfig past the proxy with the rights of a service account, which is made, and no others. */
  async kubeconfigAs({ namespace, name }: Account): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await this.write('POST', path, { metadata: { name } });
    const answer = await this.write('POST', `${path}/${name}/token`, { spec: { expirationSeconds: 3600 } });
    const { token } = (answer as unknown as { readonly status: { readonly token: string } }).status;
    const config = loadKubeConfig(this.server.kubeconfig);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no cluster');
    config.loadFromClusterAndUser(cluster, { name, token });
    const file = `${this.server.kubeconfig}.${name}`;
    await writeFile(file, config.exportConfig(), { mode: 0o600 });
    return file;
  }

  /** A client past the proxy with the rights of a service account, which is made, and no others. */
  async clientAs(account: Account): Promise<ApiClient> {
    const transport = new KubeConfigTransport(loadKubeConfig(await this.kubeconfigAs(account)));
    this.#clients.push(transport);
    return new ApiClient({ transport, clock: systemClock(), namespace: account.namespace });
  }

  /** Installs the definitions, and waits until their kinds are served. */
  async installDefinitions(): Promise<void> {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    for (const file of readdirSync(CRDS).filter((name) => name.endsWith('.yaml'))) {
      const body = readFileSync(join(CRDS, file), 'utf8');
      await this.write('POST', path, body, 'application/yaml');
    }
    const { tenant, service, serviceRoute, peer } = resourceTypes;
    for (const type of [tenant, service, serviceRoute, peer]) {
      await eventually(
        `${type.plural} are served`,
        async () => (await this.#call('GET', pathOf(type, {}))).status === 200,
      );
    }
  }

  /** Writes past the proxy, as often as it takes: the server may be away. Gives what is stored then. */
  async write(
    method: HttpRequest['method'],
    path: string,
    body: object | string,
    contentType = 'application/json',
  ): Promise<StoredObject> {
    return eventually(
      `${method} ${path}`,
      async () => {
        const answer = await this.#call(
          method,
          path,
          typeof body === 'string' ? body : JSON.stringify(body),
          contentType,
        );
        // What a cut call did before it was cut counts as done.
        if (answer.status === 409 && method === 'POST') return this.#read(`${path}/${nameIn(body)}`);
        if (answer.status === 404 && method === 'DELETE') return {} as StoredObject;
        if (answer.status >= 300) throw new Error(`${answer.status} ${answer.body}`);
        return JSON.parse(answer.body) as StoredObject;
      },
      { within: 90_000, every: 100 },
    );
  }

  /** All objects of a type, as the server has them. */
  async all(type: ResourceType): Promise<readonly StoredObject[]> {
    const { body } = await this.#call('GET', pathOf(type, {}));
    return (JSON.parse(body) as { items: StoredObject[] }).items;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients, this.#direct].map((transport) => transport.close()));
    await this.proxy.close();
    await this.server.close();
  }

  async #read(path: string): Promise<StoredObject> {
    return JSON.parse((await this.#call('GET', path)).body) as StoredObject;
  }

  async #call(
    method: HttpRequest['method'],
    path: string,
    body?: string,
    contentType?: string,
  ): Promise<{ status: number; body: string }> {
    const signal = AbortSignal.timeout(20_000);
    const answer = await this.#direct.send({ method, path, body, contentType, signal });
    return { status: answer.status, body: await text(answer.body) };
  }
}

/** The machine's time, running faster: what takes minutes is seen in seconds. */
export function hurriedClock(factor: number): Clock {
  const real = systemClock();
  const start = real.now();
  return {
    now: () => start + (real.now() - start) * factor,
    after: (milliseconds, run) => real.after(milliseconds / factor, run),
    every: (milliseconds, run) => real.every(milliseconds / factor, run),
  };
}

function nameIn(body: object | string): string {
  const { metadata } = body as { metadata?: { name?: string } };
  return metadata?.name ?? '';
}
