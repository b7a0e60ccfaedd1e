import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import {
  AdminServiceClient,
  type Dump,
  DumpRequest,
  type NodeConfig,
  type StatusResponse,
} from '@quiver/dataplane-api';
import { FakeOperator } from '../../dataplane/agent/src/testing/fake-operator.ts';
import { sampleSnapshot } from '../../dataplane/agent/src/testing/sample-config.ts';
import { ensureBinaries } from '../cluster/binaries/build.ts';
import { must, type Outcome } from '../harness/command.ts';
import { buildEngine } from '../harness/engine-build.ts';
import { eventually } from '../harness/eventually.ts';
import { guardFolder } from '../harness/leftover-guard.ts';
import { Namespace } from '../harness/namespace.ts';
import type { Process } from '../harness/process.ts';
import { quiver } from '../harness/router.ts';
import { clusterCache } from '../setup/e2e-lab.ts';
import { buildPlugin } from './plugin-build.ts';

/** A pod as a container runtime sees it: a network namespace and a name. */
export interface Pod {
  readonly namespace: Namespace;
  readonly uid: string;
  readonly name: string;
}

/** What the runtime is told beside the pod. */
export interface CallOptions {
  /** Capabilities, such as `{portMappings: […]}`. */
  readonly capabilities?: object;
}

let count = 0;

/** A machine with an agent, a container runtime's tool and pods; what the operator says, a test says. */
export class CniNode {
  readonly machine: Namespace;
  readonly folder: string;
  readonly #cnitool: string;
  readonly #guard: { release: () => void };
  readonly #pods: Pod[] = [];
  readonly #admin: AdminServiceClient;
  #agent: Process | undefined;
  #operator: FakeOperator | undefined;
  #version = 0n;

  private constructor(machine: Namespace, folder: string, cnitool: string) {
    this.machine = machine;
    this.folder = folder;
    this.#cnitool = cnitool;
    this.#guard = guardFolder(folder);
    this.#admin = new AdminServiceClient(`unix:${this.path('agent.sock')}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 100,
    });
  }

  /** A machine that forwards, with the reference plugins and ours in place; nothing runs yet. */
  static async make(): Promise<CniNode> {
    await buildEngine();
    const binary = await buildPlugin();
    const { bin, cni } = await ensureBinaries(clusterCache, () => undefined);
    const folder = await mkdtemp(join(tmpdir(), 'quiver-cni-'));
    count += 1;
    const machine = await Namespace.make(`qc-${process.pid}-${count}`);
    const node = new CniNode(machine, folder, join(bin, 'cnitool'));
    await machine.shell(`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip link add wan0 type veth peer name wan1
      ip addr add 192.0.2.1/24 dev wan0
      ip addr add 2001:db8::1/64 dev wan0
      ip link set wan1 up
      ip link set wan0 up`);
    await Promise.all(['net.d', 'bin', 'lib'].map((name) => mkdir(node.path(name))));
    for (const name of await readdir(cni)) await copyFile(join(cni, name), node.path('bin', name));
    await must(quiver('cni', 'install', '--bin-dir', node.path('bin'), '--binary', binary));
    return node;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  get operator(): FakeOperator {
    if (this.#operator === undefined) throw new Error('no agent has been started');
    return this.#operator;
  }

  get log(): string {
    return this.#agent?.stderr ?? '';
  }

  /** Starts the agent, and the operator that it dials when there is none yet. */
  async start(mode: 'Chained' | 'Primary'): Promise<void> {
    this.#operator ??= await FakeOperator.listen(this.path('operator.sock'));
    const who = [
      '--fabric',
      'demo',
      '--router',
      'a',
      '--node',
      'a1',
      '--operator',
      `unix:${this.path('operator.sock')}`,
    ];
    const places = ['--socket', this.path('agent.sock'), '--state-dir', this.path('state'), '--metrics-address', 'off'];
    const cni = ['--cni-mode', mode, '--cni-socket', this.path('cni.sock'), '--cni-conf-dir', this.path('net.d')];
    const more = ['--cni-bin-dir', this.path('bin'), '--workers', '1', '--keep-on-stop'];
    this.#agent = this.machine.start(quiver('agent', ...who, ...places, ...cni, ...more));
    await this.operator.hello().catch(() => undefined);
  }

  /** Brings a configuration into force, as the operator does. */
  async say(config: NodeConfig): Promise<void> {
    this.#version += 1n;
    this.operator.send(sampleSnapshot(this.#version, config));
    await this.operator.ack();
  }

  /** Waits until the runtime's configuration holds our plugin. */
  async installed(): Promise<void> {
    await eventually(`the plugin is configured\n${this.log}`, async () =>
      (await readdir(this.path('net.d'))).includes('00-quiver.conflist'),
    );
  }

  /** SIGTERM, as a rolling update does. */
  async stop(): Promise<number | null | undefined> {
    const ended = await this.#agent?.stop('SIGTERM');
    this.#agent = undefined;
    return ended;
  }

  async configure(name: string, value: object): Promise<void> {
    await writeFile(this.path('net.d', name), JSON.stringify(value));
  }

  async addPod(uid: string): Promise<Pod> {
    const namespace = await Namespace.make(`${this.machine.name}-${uid}`);
    const pod = { namespace, uid, name: `pod-${uid}` };
    this.#pods.push(pod);
    return pod;
  }

  /** The container runtime's library, by its own tool: `add`, `check`, `del`, `gc`, `status`. */
  call(command: string, network: string, pod: Pod | undefined, options: CallOptions = {}): Promise<Outcome> {
    const args = `IgnoreUnknown=1;K8S_POD_NAME=${pod?.name};K8S_POD_UID=${pod?.uid};K8S_POD_NAMESPACE=prod`;
    const environment = [
      `CNI_PATH=${this.path('bin')}`,
      `NETCONFPATH=${this.path('net.d')}`,
      ...(pod === undefined ? [] : [`CNI_ARGS=${args}`]),
      `CAP_ARGS=${JSON.stringify(options.capabilities ?? {})}`,
    ];
    const target = pod === undefined ? '/var/run/netns/none' : `/run/netns/${pod.namespace.name}`;
    const tool = ['env', ...environment, this.#cnitool, command, network, target];
    // The library keeps its notes below /var/lib, which belongs to the machine that runs the tests.
    const script = `mount --bind ${this.path('lib')} /var/lib && exec "$@"`;
    return this.machine.run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...tool]);
  }

  /** Why the library could not do what it was told. */
  async refusal(command: string, network: string, pod: Pod | undefined): Promise<string> {
    const { code, stdout, stderr } = await this.call(command, network, pod);
    if (code === 0) throw new Error(`${command} went well: ${stdout}`);
    return stdout + stderr;
  }

  async must(command: string, network: string, pod: Pod, options: CallOptions = {}): Promise<unknown> {
    const { code, stdout, stderr } = await this.call(command, network, pod, options);
    if (code !== 0) throw new Error(`${command}: ${stdout}${stderr}\n${this.log.slice(-4000)}`);
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  sessions(): Promise<Dump> {
    return new Promise((resolve, reject) => {
      this.#admin.sessions(DumpRequest.create(), (error, dump) => (error === null ? resolve(dump) : reject(error)));
    });
  }

  status(): Promise<StatusResponse> {
    return new Promise((resolve, reject) => {
      this.#admin.status({}, (error, response) => (error === null ? resolve(response) : reject(error)));
    });
  }

  async remove(): Promise<void> {
    await this.stop();
    this.#operator?.close();
    this.#admin.close();
    for (const { namespace } of this.#pods) await namespace.remove();
    await this.machine.remove();
    this.#guard.release();
    await rm(this.folder, { recursive: true, force: true });
  }
}
