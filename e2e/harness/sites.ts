import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from './command.ts';
import { guardFolder } from './leftover-guard.ts';
import { Namespace } from './namespace.ts';

/** Addresses of the two sites. Both use the same prefixes, which is the point of it. */
export const addresses = {
  lan: ['10.1.0.0/24', 'fd10:1::/64'],
  routerLan: { v4: '10.1.0.1', v6: 'fd10:1::1' },
  /** Allowed client. */
  client: { v4: '10.1.0.20', v6: 'fd10:1::20' },
  /** The same machine's second address, which belongs to a tenant without access. */
  guest: { v4: '10.1.0.66', v6: 'fd10:1::66' },
  server: { v4: '10.1.0.80', v6: 'fd10:1::80' },
  waypointA: '192.0.2.1',
  waypointB: '203.0.113.1',
  coreA: '192.0.2.254',
  coreB: '203.0.113.254',
  /** Somebody on the wide area network who belongs to nobody. */
  stranger: '198.51.100.9',
} as const;

/** Figures are compared between machines, whatever their default is; a namespace may choose it by route only. */
const steadyCongestionControl = 'congctl cubic';

let count = 0;

/**
 * Two sites and a plain IP network between them, in namespaces with names of their own:
 *
 * client — router A — core — router B — server, and a stranger at the core.
 */
export class Sites {
  readonly client: Namespace;
  readonly routerA: Namespace;
  readonly core: Namespace;
  readonly routerB: Namespace;
  readonly server: Namespace;
  readonly stranger: Namespace;
  /** For files of this run; removed with the sites. */
  readonly folder: string;
  readonly #folderGuard: { release: () => void };

  private constructor(namespaces: readonly Namespace[]) {
    const [client, routerA, core, routerB, server, stranger] = namespaces;
    if (!client || !routerA || !core || !routerB || !server || !stranger) throw new Error('six namespaces are needed');
    this.client = client;
    this.routerA = routerA;
    this.core = core;
    this.routerB = routerB;
    this.server = server;
    this.stranger = stranger;
    this.folder = mkdtempSync(join(tmpdir(), 'quiver-sites-'));
    this.#folderGuard = guardFolder(this.folder);
  }

  static async make(): Promise<Sites> {
    count += 1;
    const prefix = `quiver-${process.pid}-${count}`;
    const names = ['client', 'router-a', 'core', 'router-b', 'server', 'stranger'];
    const made: Namespace[] = [];
    try {
      for (const name of names) made.push(await Namespace.make(`${prefix}-${name}`));
      const sites = new Sites(made);
      await sites.#wire();
      return sites;
    } catch (caught) {
      await Promise.all(made.map((namespace) => namespace.remove()));
      throw caught;
    }
  }

  get namespaces(): readonly Namespace[] {
    return [this.client, this.routerA, this.core, this.routerB, this.server, this.stranger];
  }

  async remove(): Promise<void> {
    await Promise.all(this.namespaces.map((namespace) => namespace.remove()));
    this.#folderGuard.release();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #wire(): Promise<void> {
    const { client, routerA, core, routerB, server, stranger } = this;
    await link(client, 'eth0', routerA, 'lan0');
    await link(routerA, 'wan0', core, 'to-a');
    await link(core, 'to-b', routerB, 'wan0');
    await link(routerB, 'lan0', server, 'eth0');
    await link(core, 'to-x', stranger, 'eth0');
    await this.#addressRouter(routerA, addresses.waypointA, addresses.coreA);
    await this.#addressRouter(routerB, addresses.waypointB, addresses.coreB);
    await host(client, [addresses.client, addresses.guest]);
    await host(server, [addresses.server]);
    await core.shell(`sysctl -qw net.ipv4.ip_forward=1
      ip addr add ${addresses.coreA}/24 dev to-a
      ip addr add ${addresses.coreB}/24 dev to-b
      ip addr add 198.51.100.254/24 dev to-x
      ip link set to-a up; ip link set to-b up; ip link set to-x up`);
    await stranger.shell(`ip link set eth0 up; ip addr add ${addresses.stranger}/24 dev eth0
      ip route add default via 198.51.100.254`);
  }

  async #addressRouter(router: Namespace, waypoint: string, gateway: string): Promise<void> {
    const { v4, v6 } = addresses.routerLan;
    await router.shell(`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip link set lan0 up; ip link set wan0 up
      ip addr add ${v4}/24 dev lan0; ip addr add ${v6}/64 dev lan0 nodad
      ip addr add ${waypoint}/24 dev wan0; ip route add default via ${gateway}`);
  }
}

async function link(left: Namespace, leftDevice: string, right: Namespace, rightDevice: string): Promise<void> {
  const peer = ['peer', 'name', rightDevice, 'netns', right.name];
  await must(['ip', 'link', 'add', leftDevice, 'netns', left.name, 'type', 'veth', ...peer]);
}

async function host(machine: Namespace, own: readonly { readonly v4: string; readonly v6: string }[]): Promise<void> {
  const lines = own.map(
    ({ v4, v6 }, index) =>
      `ip addr add ${v4}/24 dev eth0; ip addr add ${v6}/64 dev eth0 nodad${index === 0 ? '' : ' preferred_lft 0'}`,
  );
  await machine.shell(`ip link set eth0 up
    ${lines.join('\n')}
    ip route add default via ${addresses.routerLan.v4} ${steadyCongestionControl}
    ip -6 route add default via ${addresses.routerLan.v6} ${steadyCongestionControl}`);
}
