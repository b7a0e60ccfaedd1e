import { must } from '../harness/command.ts';
import { Namespace } from '../harness/namespace.ts';

/** Addresses of every chain; chains never meet. */
export const places = {
  client: '10.1.0.2',
  lanA: '10.1.0.1',
  wanA: '10.9.0.1',
  wanB: '10.9.0.2',
  lanB: '10.2.0.1',
  server: '10.2.0.2',
} as const;

/** Ports of the server: iperf3, and the load program's TCP and UDP. */
export const ports = { iperf: 5201, load: 7000 } as const;

// The machine's default may be BBR, which is no measure of a path: 17 Gbit/s where cubic does 60.
const congestionControl = 'congctl cubic';

/** client - node A - node B - server, in namespaces of their own. Every way to carry traffic has a chain of its own. */
export class Chain {
  readonly name: string;
  readonly client: Namespace;
  readonly a: Namespace;
  readonly b: Namespace;
  readonly server: Namespace;

  private constructor(name: string, namespaces: readonly Namespace[]) {
    const [client, a, b, server] = namespaces;
    if (!client || !a || !b || !server) throw new Error('four namespaces are needed');
    this.name = name;
    this.client = client;
    this.a = a;
    this.b = b;
    this.server = server;
  }

  static async make(name: string): Promise<Chain> {
    const made: Namespace[] = [];
    try {
      for (const place of ['client', 'a', 'b', 'server']) {
        made.push(await Namespace.make(`quiver-bench-${process.pid}-${name}-${place}`));
      }
      const chain = new Chain(name, made);
      await chain.#wire();
      return chain;
    } catch (caught) {
      await Promise.all(made.map((namespace) => namespace.remove()));
      throw caught;
    }
  }

  get namespaces(): readonly Namespace[] {
    return [this.client, this.a, this.b, this.server];
  }

  /** Both nodes route plainly between the two ends. */
  async routePlainly(): Promise<void> {
    await this.a.shell(`ip route add 10.2.0.0/24 via ${places.wanB}`);
    await this.b.shell(`ip route add 10.1.0.0/24 via ${places.wanA}`);
  }

  /** Packets of their real size on the wide area link: nothing is left to a device that could segment. */
  async useRealPackets(): Promise<void> {
    for (const node of [this.a, this.b]) {
      await node.shell(
        'ethtool -K wan0 tso off gso off tx-udp-segmentation off gro on rx-udp-gro-forwarding on > /dev/null',
      );
    }
  }

  /** The devices' defaults again. */
  async useOffloads(): Promise<void> {
    for (const node of [this.a, this.b]) {
      await node.shell(
        'ethtool -K wan0 tso on gso on tx-udp-segmentation on gro off rx-udp-gro-forwarding off > /dev/null',
      );
    }
  }

  async remove(): Promise<void> {
    await Promise.all(this.namespaces.map((namespace) => namespace.remove()));
  }

  async #wire(): Promise<void> {
    const { client, a, b, server } = this;
    await link(client, 'eth0', a, 'lan0');
    await link(a, 'wan0', b, 'wan0');
    await link(b, 'lan0', server, 'eth0');
    await end(client, places.client, places.lanA);
    await end(server, places.server, places.lanB);
    await addressNode(a, places.lanA, places.wanA);
    await addressNode(b, places.lanB, places.wanB);
  }
}

async function link(left: Namespace, leftDevice: string, right: Namespace, rightDevice: string): Promise<void> {
  const peer = ['peer', 'name', rightDevice, 'netns', right.name];
  await must(['ip', 'link', 'add', leftDevice, 'netns', left.name, 'type', 'veth', ...peer]);
}

async function end(machine: Namespace, own: string, gateway: string): Promise<void> {
  await machine.shell(`ip link set eth0 up; ip addr add ${own}/24 dev eth0
    ip route add default via ${gateway} ${congestionControl}`);
}

async function addressNode(machine: Namespace, lan: string, wan: string): Promise<void> {
  await machine.shell(`sysctl -qw net.ipv4.ip_forward=1
    ip link set lan0 up; ip link set wan0 up
    ip addr add ${lan}/24 dev lan0; ip addr add ${wan}/24 dev wan0`);
}
