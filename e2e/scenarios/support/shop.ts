import { type Fabric, openFabric, programsFor } from './fabric.ts';
import { coreService, type Manifest, namespaceObject, route, service, tenant } from './objects.ts';
import { idlePod, type PodOptions, serverPorts, servers } from './pods.ts';

export interface ShopOptions {
  /** Unique among the scenarios: namespace, tenant and objects are named by it. */
  readonly name: string;
  readonly replicas?: number;
  /** Members of the tenant of clients in alpha; pods with the label `role: buyer` when absent. */
  readonly members?: readonly unknown[];
  /** UDP ports of the service `voice`, `10000-10019`; there is none when absent. */
  readonly udp?: string;
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
  /** All services: `web`, `echo` and, with UDP ports, `voice`. */
  readonly services: readonly Manifest[];
  readonly deployment: Manifest;
  readonly routes: { readonly alpha: readonly Manifest[]; readonly beta: readonly Manifest[] };

  readonly #corePods: Manifest;

  private constructor(fabric: Fabric, { name, replicas = 2, members, udp, spec = {} }: ShopOptions) {
    this.fabric = fabric;
    this.namespace = name;
    this.tenant = `buyers-${name}`;
    const buyers = [{ podSelector: { matchLabels: { role: 'buyer' } }, namespaceSelector: ownName(name) }];
    this.tenantObject = tenant(this.tenant, members ?? buyers);
    const tenants = [this.tenant];
    this.web = service(name, 'web', { ports: [{ protocol: 'TCP', port: 80 }], tenants, spec });
    this.echo = service(name, 'echo', { ports: [{ protocol: 'TCP', port: 7 }], tenants, spec });
    const range = (udp ?? '').split('-').map(Number);
    const [port = 0, endPort = port] = range;
    const voice = service(name, 'voice', { ports: [{ protocol: 'UDP', port, endPort }], tenants, spec });
    this.services = udp === undefined ? [this.web, this.echo] : [this.web, this.echo, voice];
    this.deployment = servers(name, 'servers', { replicas, ...(udp === undefined ? {} : { udp }) });
    const names = this.services.map(({ metadata }) => metadata.name);
    this.routes = {
      alpha: names.map((one) => route(name, one, { peers: [{ name: 'beta' }] })),
      beta: names.map((one) => route(name, one, { endpoints: { service: 'pods', port: one } })),
    };
    this.#corePods = coreService(name, 'pods', 'servers', [
      { name: 'web', port: serverPorts.http },
      { name: 'echo', port: serverPorts.echo },
      ...(udp === undefined ? [] : [{ name: 'voice', protocol: 'UDP', port }]),
    ]);
  }

  /** Makes everything and waits until it is ready, in both clusters. */
  static async open(options: ShopOptions): Promise<Shop> {
    const shop = new Shop(await openFabric(), options);
    const { alpha, beta } = shop.fabric;
    await Promise.all([alpha.apply(...shop.#base()), beta.apply(...shop.#base())]);
    const { services, routes } = shop;
    await alpha.apply(shop.tenantObject, ...services, ...routes.alpha);
    await beta.apply(tenant(shop.tenant, []), ...services, shop.#corePods, shop.deployment, ...routes.beta);
    await beta.kubectl(shop.deployment, 'rollout', 'status', 'deployment/servers', '--timeout=60s');
    await alpha.ready([shop.tenantObject, ...services, ...routes.alpha]);
    await beta.ready([...services, ...routes.beta]);
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

  /** The addresses that a client gets for the name of a service. */
  async addresses(client: string, name: string): Promise<{ readonly v4: string; readonly v6: string }> {
    const full = `${name}.${this.namespace}.svc.cluster.local`;
    const dig = async (type: string): Promise<string> =>
      (await this.fabric.alpha.exec(this.namespace, client, ['dig', '+short', type, full])).trim();
    return { v4: await dig('A'), v6: await dig('AAAA') };
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
