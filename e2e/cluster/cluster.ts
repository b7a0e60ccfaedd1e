import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must, type Outcome, run } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import type { Binaries } from './binaries/build.ts';
import { apiServerUrl, type ControlPlane } from './control-plane/control-plane.ts';
import { dnsManifest } from './control-plane/dns.ts';
import { type ClusterPlan, type PrimaryCni, shared } from './network/plan.ts';
import type { Wan } from './network/wan.ts';
import { ClusterNode } from './node/node.ts';
import { bridgeConflist, masquerading, type PodCidrs, podRoutes, primaryConflist } from './node/primary-cni.ts';
import { writeClusterFiles } from './pki/cluster-files.ts';

export interface ClusterOptions {
  readonly plan: ClusterPlan;
  readonly wan: Wan;
  /** Folder of the cluster; it holds all of its state. */
  readonly folder: string;
  /** Begins the names of its namespaces. */
  readonly prefix: string;
  readonly binaries: Binaries;
  readonly kubectl: string;
}

/** What a kubectl of ours is told beside its arguments. */
export interface KubectlOptions {
  readonly input?: string;
}

/** A Kubernetes cluster of two nodes. */
export class Cluster {
  readonly plan: ClusterPlan;
  readonly nodes: readonly ClusterNode[];
  readonly kubeconfig: string;
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    const { plan, folder, prefix, binaries } = options;
    const pki = join(folder, 'pki');
    this.plan = plan;
    this.#options = options;
    this.kubeconfig = join(pki, 'admin.kubeconfig');
    this.nodes = plan.nodes.map(
      (node) =>
        new ClusterNode({
          plan: node,
          cluster: plan,
          namespace: `${prefix}${node.name}`,
          folder: join(folder, node.name),
          pki,
          binaries,
        }),
    );
  }

  get name(): string {
    return this.plan.name;
  }

  /** The node that carries the API server. */
  get first(): ClusterNode {
    const [first] = this.nodes;
    if (first === undefined) throw new Error(`The cluster ${this.name} has no node.`);
    return first;
  }

  get controlPlane(): ControlPlane {
    const { controlPlane } = this.first;
    if (controlPlane === undefined) throw new Error(`The first node of ${this.name} carries no control plane.`);
    return controlPlane;
  }

  get isUp(): boolean {
    return this.nodes.every(({ machine }) => machine.pid !== undefined);
  }

  /** @throws when the cluster has no such node. */
  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`The cluster ${this.name} has no node "${name}".`);
    return found;
  }

  /** Brings it up; resolves when its nodes are Ready, or known when there is no primary plugin to make them so. */
  async up(cni: PrimaryCni, images: readonly string[]): Promise<void> {
    const { plan, wan, folder } = this.#options;
    await mkdir(folder, { recursive: true });
    await writeClusterFiles(join(folder, 'pki'), this.#identity());
    await writeFile(join(folder, 'cni'), cni);
    await wan.addSite(plan);
    const [first, ...others] = this.nodes;
    await first?.start(wan);
    await Promise.all(others.map((node) => node.start(wan)));
    await this.kubectl(['apply', '-f', '-'], { input: dnsManifest(this.first.plan) });
    await Promise.all(images.map((image) => this.importImage(image)));
    for (const node of this.nodes) await this.#annotateWaypoint(node);
    if (cni === 'bridge') await this.#installBridge();
  }

  /** Takes everything away. */
  async down(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()));
    await this.#options.wan.removeSite(this.name);
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** Pulls a node's plug and switches it on again: nothing but its disk is as it was. Resolves when it is Ready. */
  async reboot(name: string, cni: PrimaryCni = 'bridge'): Promise<void> {
    const node = this.node(name);
    const before = await this.#bootId(name);
    await node.stop();
    await node.start(this.#options.wan);
    if (cni === 'bridge') await this.#connectPods(node);
    // Until then the API server tells the state of before.
    const isTold = async (): Promise<true | undefined> => ((await this.#bootId(name)) === before ? undefined : true);
    await eventually(`${name} tells that it was rebooted`, isTold, { within: 60_000, every: 200 });
    await this.nodesReady();
  }

  /** Makes an image from an archive known to every node. */
  async importImage(archive: string): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.importImage(archive)));
  }

  /** Gives an image another name, on every node. */
  async tagImage(name: string, other: string): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.tagImage(name, other)));
  }

  /** `command` as it has to be started to reach the API server as a user would. */
  asUser(command: readonly string[]): string[] {
    const net = `--net=/run/netns/${this.first.machine.namespace}`;
    return ['nsenter', net, '--', 'env', `KUBECONFIG=${this.kubeconfig}`, ...command];
  }

  /** Standard output of kubectl, which has to succeed. */
  kubectl(args: readonly string[], { input = '' }: KubectlOptions = {}): Promise<string> {
    return must(this.asUser([this.#options.kubectl, ...args]), input);
  }

  /** Runs kubectl to its end, whatever that is. */
  tryKubectl(args: readonly string[], { input = '' }: KubectlOptions = {}): Promise<Outcome> {
    return run(this.asUser([this.#options.kubectl, ...args]), input);
  }

  async nodesReady(within = 90_000): Promise<void> {
    const condition = ['--for=condition=Ready', 'node', '--all'];
    await this.kubectl(['wait', ...condition, `--timeout=${Math.ceil(within / 1000)}s`]);
  }

  #bootId(node: string): Promise<string> {
    return this.kubectl(['get', 'node', node, '-o', 'jsonpath={.status.nodeInfo.bootID}']);
  }

  #identity(): Parameters<typeof writeClusterFiles>[1] {
    const { internal, wan } = this.first.plan;
    const own = [internal.v4, internal.v6, wan.v4, wan.v6];
    const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'];
    return {
      cluster: this.name,
      server: apiServerUrl(this.first.plan),
      apiServer: { dnsNames: names, addresses: [...own, '127.0.0.1', ...Object.values(shared.apiService)] },
      nodes: this.plan.nodes.map((node) => ({ name: node.name, addresses: [node.internal.v4, node.internal.v6] })),
    };
  }

  /** The addresses by which other routers reach a node are not those that Kubernetes knows. */
  async #annotateWaypoint({ plan }: ClusterNode): Promise<void> {
    const waypoint = `quiver.dev/waypoint=${plan.wan.v4}`;
    const annotate = async (): Promise<true | undefined> => {
      const { code } = await this.tryKubectl(['annotate', '--overwrite', 'node', plan.name, waypoint]);
      return code === 0 ? true : undefined;
    };
    await eventually(`${plan.name} has joined`, annotate, { within: 60_000, every: 200 });
  }

  async #installBridge(): Promise<void> {
    for (const node of this.nodes) {
      const conflist = bridgeConflist(await this.#podCidrs(node));
      await writeFile(join(node.machine.folder, 'cni-etc/net.d', primaryConflist), conflist);
      await this.#connectPods(node);
    }
    await this.nodesReady();
  }

  /** Routes to the pods of the other nodes, which a start of the machine has taken away. */
  async #connectPods(node: ClusterNode): Promise<void> {
    await node.machine.shell(masquerading());
    for (const other of this.nodes) {
      if (other === node) continue;
      await node.machine.shell(podRoutes(other.plan, await this.#podCidrs(other)));
    }
  }

  async #podCidrs({ name }: ClusterNode): Promise<PodCidrs> {
    const path = 'jsonpath={.spec.podCIDRs[*]}';
    const given = async (): Promise<PodCidrs | undefined> => {
      const { stdout } = await this.tryKubectl(['get', 'node', name, '-o', path]);
      const [v4, v6] = stdout.trim().split(' ');
      return v4 === undefined || v6 === undefined ? undefined : { v4, v6 };
    };
    return eventually(`${name} was given its pod CIDRs`, given, { within: 60_000, every: 200 });
  }
}
