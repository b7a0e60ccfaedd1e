import { type Fabric, openFabric, programsFor } from './fabric.ts';
import { coreService, type Manifest, namespaceObject, route, service, tenant } from './objects.ts';
import { idlePod, type PodOptions, serverPorts, servers } from './pods.ts';

export interface ShopOptions {
  /** Unique among the scenarios: namespace, tenant and objects are named by it. */
  readonly name: string;
  readonly replicas?: number;
  /** Members of the tenant of clients in alpha; pods with the label `role: buyer` when absent. */
  readonly members?: readonly unknown[];
  /** Of the services, beside ports and access. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/**
 * What most scenarios start from: servers in beta behind the services `web` (TCP 80) and `echo` (TCP 7), and a tenant
 * of clients in alpha that may use both.
 */
export class Shop {
  readonly fabric: Fabric;
  /** Namespace in both clusters. */
  readonly namespace: string;
  /** Name of the tenant of clients. */
  readonly tenant: string;
  readonly tenantObject: Manifest;
  readonly web: Manifest;
  readonly echo: Manifest;
  readonly deployment: Manifest;
  readonly routes: { readonly alpha: readonly Manifest[]; readonly beta: readonly Manifest[] };

  private constructor(fabric: Fabric, { name, replicas = 2, members, spec = {} }: ShopOptions) {
    this.fabric = fabric;
    this.namespace = name;
    this.tenant = `buyers-${name}`;
    const buyers = [{ podSelector: { matchLabels: { role: 'buyer' } }, namespaceSelector: ownName(name) }];
    this.tenantObject = tenant(this.tenant, members ?? buyers);
    const tenants = [this.tenant];
    this.web = service(name, 'web', { ports: [{ protocol: 'TCP', port: 80 }], tenants, spec });
    this.echo = service(name, 'echo', { ports: [{ protocol: 'TCP', port: 7 }], tenants, spec });
    this.deployment = servers(name, 'servers', { replicas });
    const toEndpoints = (one: string, port: string): Manifest =>
      route(name, one, { endpoints: { service: 'pods', port } });
    this.routes = {
      alpha: ['web', 'echo'].map((one) => route(name, one, { peers: [{ name: 'beta' }] })),
      beta: [toEndpoints('web', 'http'), toEndpoints('echo', 'echo')],
    };
  }

  /** Makes everything and waits until it is ready, in both clusters. */
  static async open(options: ShopOptions): Promise<Shop> {
    const shop = new Shop(await openFabric(), options);
    const { alpha, beta } = shop.fabric;
    await Promise.all([alpha.apply(...shop.#base()), beta.apply(...shop.#base())]);
    await alpha.apply(shop.tenantObject, shop.web, shop.echo, ...shop.routes.alpha);
    await beta.apply(
      tenant(shop.tenant, []),
      shop.web,
      shop.echo,
      shop.corePods(),
      shop.deployment,
      ...shop.routes.beta,
    );
    await beta.kubectl(shop.deployment, 'rollout', 'status', 'deployment/servers', '--timeout=60s');
    await alpha.ready([shop.tenantObject, shop.web, shop.echo, ...shop.routes.alpha]);
    await beta.ready([shop.web, shop.echo, ...shop.routes.beta]);
    return shop;
  }

  /** Takes everything away. */
  async close(): Promise<void> {
    const { alpha, beta } = this.fabric;
    const all = [namespaceObject(this.namespace), this.tenantObject];
    await Promise.all([alpha.remove(...all), beta.remove(...all)]);
  }

  /** A pod in alpha that waits for commands; ready when this resolves. */
  async client(name: string, options: PodOptions = {}): Promise<string> {
    const pod = idlePod(this.namespace, name, options);
    await this.fabric.alpha.apply(pod);
    await this.fabric.alpha.ready([pod], 'Ready', 60_000);
    return name;
  }

  /** What curl says in a client's pod about the service `web`: the server's answer, or curl's exit code. */
  async fetch(client: string, host = 'web', { within = 3 } = {}): Promise<Answer> {
    const command = ['curl', '-sS', '--globoff', '--max-time', String(within), `http://${host}/`];
    const { code, stdout, stderr } = await this.fabric.alpha.tryExec(this.namespace, client, command);
    if (code !== 0) return { code, error: stderr.trim() };
    return { code, ...(JSON.parse(stdout) as { readonly pod: string; readonly from: string }) };
  }

  corePods(): Manifest {
    return coreService(this.namespace, 'pods', 'servers', [
      { name: 'http', port: serverPorts.http },
      { name: 'echo', port: serverPorts.echo },
    ]);
  }

  #base(): Manifest[] {
    return [namespaceObject(this.namespace), programsFor(this.namespace)];
  }
}

export interface Answer {
  /** curl's exit code: 0 when there was an answer. */
  readonly code: number | null;
  /** Name of the pod that answered. */
  readonly pod?: string;
  /** Address that it saw. */
  readonly from?: string;
  readonly error?: string;
}

function ownName(namespace: string): object {
  return { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
}
