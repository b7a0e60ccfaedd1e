import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../harness/eventually.ts';
import type { Binaries } from '../binaries/build.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { ClusterPlan, NodePlan } from '../network/plan.ts';
import type { Wan } from '../network/wan.ts';
import { containerdConfig, containerdSocket } from './containerd.ts';
import { makeControlGroup, removeControlGroup } from './control-groups.ts';
import { kubeletConfig, proxyConfig } from './kubelet.ts';
import { Machine } from './machine.ts';
import { Service } from './service.ts';

/** Where a node keeps what Kubernetes expects at its usual places. */
const disk: Readonly<Record<string, string>> = {
  kubelet: '/var/lib/kubelet',
  containerd: '/var/lib/containerd',
  'cni-state': '/var/lib/cni',
  'cni-etc': '/etc/cni',
  'cni-bin': '/opt/cni/bin',
  'pod-logs': '/var/log/pods',
  'container-logs': '/var/log/containers',
  quiver: '/var/lib/quiver',
};

export interface NodeOptions {
  readonly plan: NodePlan;
  readonly cluster: ClusterPlan;
  readonly namespace: string;
  readonly folder: string;
  readonly pki: string;
  readonly binaries: Binaries;
}

/** containerd's own command line, on what Kubernetes runs. */
const ctr = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io'];

/** One Kubernetes node. */
export class ClusterNode {
  readonly plan: NodePlan;
  readonly machine: Machine;
  /** Only on the node that carries it. */
  readonly controlPlane: ControlPlane | undefined;
  readonly containerd: Service;
  readonly kubelet: Service;
  readonly proxy: Service;
  readonly #options: NodeOptions;

  constructor(options: NodeOptions) {
    const { plan, namespace, folder, pki, binaries } = options;
    this.plan = plan;
    this.#options = options;
    this.machine = new Machine({ namespace, hostname: plan.name, folder, mounts: disk, path: [binaries.bin] });
    this.controlPlane = plan.isControlPlane ? new ControlPlane(this.machine, plan, pki) : undefined;
    const file = (name: string): string => join(folder, name);
    this.containerd = new Service(this.machine, 'containerd', ['containerd', '-c', file('containerd.toml')]);
    this.kubelet = new Service(this.machine, 'kubelet', [
      'kubelet',
      `--config=${file('kubelet.yaml')}`,
      `--kubeconfig=${join(pki, `node-${plan.name}.kubeconfig`)}`,
      `--hostname-override=${plan.name}`,
      `--node-ip=${plan.internal.v4},${plan.internal.v6}`,
    ]);
    this.proxy = new Service(this.machine, 'kube-proxy', ['kube-proxy', `--config=${file('proxy.yaml')}`]);
  }

  get name(): string {
    return this.plan.name;
  }

  /** Switches the machine on and starts everything that a node runs. */
  async start(wan: Wan): Promise<void> {
    await this.machine.makeNamespace();
    await wan.connectNode(this.plan, this.machine.namespace, this.#options.cluster.gateway);
    await makeControlGroup(this.machine.namespace);
    await this.machine.start();
    await this.#writeFiles();
    await this.containerd.start();
    await this.controlPlane?.start();
    await this.#containerdAnswers();
    await this.kubelet.start();
    await this.proxy.start();
  }

  /** Pulls the plug; its disk stays. */
  async stop(): Promise<void> {
    await this.machine.stop();
    await removeControlGroup(this.machine.namespace);
  }

  /** Takes everything away that the node had. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.machine.folder, { recursive: true, force: true });
  }

  /** Makes an image from an archive known to the node. */
  async importImage(archive: string): Promise<void> {
    await this.machine.must([...ctr, 'images', 'import', '--local', archive]);
  }

  /** Gives an image that the node has another name. */
  async tagImage(name: string, other: string): Promise<void> {
    await this.machine.must([...ctr, 'images', 'tag', '--force', name, other]);
  }

  /** Ends a container's processes as the kernel does when memory is short; kubelet starts it again. */
  async killContainer(namespace: string, pod: string, container: string): Promise<void> {
    const labels = { namespace, pod, container };
    const filter = Object.entries({ pod: 'pod.name', namespace: 'pod.namespace', container: 'container.name' }).map(
      ([key, label]) => `labels."io.kubernetes.${label}"==${labels[key as keyof typeof labels]}`,
    );
    const running = async (): Promise<string | undefined> => {
      const known = (await this.machine.must([...ctr, 'containers', 'ls', '-q', filter.join(',')])).split('\n');
      const tasks = (await this.machine.must([...ctr, 'tasks', 'ls', '-q'])).split('\n');
      return known.find((id) => id !== '' && tasks.includes(id));
    };
    const found = await eventually(`the container ${namespace}/${pod}/${container} runs on ${this.name}`, running);
    await this.machine.must([...ctr, 'tasks', 'kill', '--signal', 'SIGKILL', found]);
  }

  async #writeFiles(): Promise<void> {
    const { plan, pki, folder, binaries } = this.#options;
    const files: Readonly<Record<string, string>> = {
      'containerd.toml': containerdConfig(),
      'resolv.conf': '',
      'kubelet.yaml': kubeletConfig({ node: plan.name, pki, folder, controlGroup: this.machine.namespace }),
      'proxy.yaml': proxyConfig(plan.name, pki),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await mkdir(join(folder, 'cni-etc/net.d'), { recursive: true });
    await cp(binaries.cni, join(folder, 'cni-bin'), { recursive: true });
  }

  async #containerdAnswers(): Promise<void> {
    const asking = [...ctr, '--timeout', '1s', 'version'];
    const answers = async (): Promise<true | undefined> =>
      (await this.machine.run(asking)).code === 0 ? true : undefined;
    await eventually(`containerd answers; see ${this.containerd.log}`, answers, { within: 30_000, every: 100 });
  }
}
