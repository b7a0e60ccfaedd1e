import { existsSync } from 'node:fs';
import { must, run } from '../../harness/command.ts';
import type { Addresses, NodePlan, SitePlan } from './plan.ts';
import { devices, shared, type VmPlan } from './plan.ts';

const { v4: v4Length, v6: v6Length } = shared.nodePrefixLengths;

/**
 * The namespace between the sites: it routes between them, and it is each cluster's own switch. Capture here, or hurt
 * traffic here.
 */
export class Wan {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  get exists(): boolean {
    return existsSync(`/run/netns/${this.namespace}`);
  }

  /** Makes it when it is not there yet; nothing else is in it then. */
  async ensure(): Promise<void> {
    if (this.exists) return;
    await must(['ip', 'netns', 'add', this.namespace]);
    await this.shell(`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip link set lo up`);
  }

  /** Takes it away when no site is left in it. */
  async removeIfUnused(): Promise<void> {
    if (!this.exists) return;
    const links = await this.shell('ip -o link show type bridge');
    if (links.trim() === '') await run(['ip', 'netns', 'del', this.namespace]);
  }

  /** Makes a site's network: a bridge with the gateway's addresses and one without any, for the nodes among themselves. */
  async addSite({ name, gateway }: SitePlan): Promise<void> {
    await this.shell(`ip link add wan-${name} type bridge; ip link add lan-${name} type bridge
      ip addr add ${gateway.v4}/${v4Length} dev wan-${name}; ip addr add ${gateway.v6}/${v6Length} dev wan-${name} nodad
      ip link set wan-${name} up; ip link set lan-${name} up`);
  }

  async removeSite(site: string): Promise<void> {
    if (!this.exists) return;
    for (const device of [`wan-${site}`, `lan-${site}`]) await run(['ip', '-n', this.namespace, 'link', 'del', device]);
  }

  /** Plugs a node's namespace in, at both of its devices, and gives it its addresses and default routes. */
  async connectNode(node: NodePlan, namespace: string, gateway: Addresses): Promise<void> {
    await this.#plug(`i-${node.name}`, `lan-${node.cluster}`, namespace, devices.internal);
    await this.#plug(`w-${node.name}`, `wan-${node.cluster}`, namespace, devices.wan);
    await address(namespace, devices.internal, node.internal);
    await address(namespace, devices.wan, node.wan);
    await routes(namespace, gateway);
  }

  /** Plugs a machine in that is no node. */
  async connectVm(vm: VmPlan, namespace: string): Promise<void> {
    await this.#plug(`w-${vm.name}`, `wan-${vm.name}`, namespace, devices.wan);
    await address(namespace, devices.wan, vm.wan);
    await routes(namespace, vm.gateway);
  }

  /** Pulls a machine's plug towards the world, or puts it back. */
  async setWanLink(machine: string, state: 'up' | 'down'): Promise<void> {
    await must(['ip', '-n', this.namespace, 'link', 'set', `w-${machine}`, state]);
  }

  /** Pulls a node's plug towards the other nodes of its cluster, or puts it back. */
  async setInternalLink(machine: string, state: 'up' | 'down'): Promise<void> {
    await must(['ip', '-n', this.namespace, 'link', 'set', `i-${machine}`, state]);
  }

  within(command: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace}`, '--', ...command];
  }

  /** Output of a shell script of which every line has to succeed. */
  shell(script: string): Promise<string> {
    return must(this.within(['sh', '-e']), script);
  }

  async #plug(own: string, bridge: string, namespace: string, device: string): Promise<void> {
    const peer = ['peer', 'name', device, 'netns', namespace];
    await must(['ip', 'link', 'add', own, 'netns', this.namespace, 'type', 'veth', ...peer]);
    await must(['ip', '-n', this.namespace, 'link', 'set', own, 'master', bridge, 'up']);
  }
}

async function address(namespace: string, device: string, { v4, v6 }: Addresses): Promise<void> {
  await must(['ip', '-n', namespace, 'addr', 'add', `${v4}/${v4Length}`, 'dev', device]);
  await must(['ip', '-n', namespace, 'addr', 'add', `${v6}/${v6Length}`, 'dev', device, 'nodad']);
  await must(['ip', '-n', namespace, 'link', 'set', device, 'up']);
}

async function routes(namespace: string, { v4, v6 }: Addresses): Promise<void> {
  await must(['ip', '-n', namespace, 'route', 'add', 'default', 'via', v4]);
  await must(['ip', '-n', namespace, '-6', 'route', 'add', 'default', 'via', v6]);
}
