import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import { EnrolmentServiceClient, type EnrolResponse } from '@quiver/dataplane-api';
import { type KubeObject, pathOf, resourceTypes, type StoredObject } from '@quiver/operator/kubernetes';
import { newAgentKey, StreamAgent } from '@quiver/operator/testing';
import { eventually } from '../harness/eventually.ts';
import { guardFolder } from '../harness/leftover-guard.ts';
import { Process } from '../harness/process.ts';
import { ROOT } from '../setup/stage.ts';
import { grantDeclared } from './rights.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export const namespace = 'quiver-system';
const account = 'quiver-agent';
/** The account of the operators, with the rights that the chart grants. */
export const operatorAccount = { namespace, name: 'quiver-operator' };
const serverName = { 'grpc.ssl_target_name_override': 'quiver-operator' };

/** Ports of one operator on this machine. */
interface Ports {
  readonly config: number;
  readonly enrol: number;
  readonly metrics: number;
  readonly health: number;
}

/** An operator as a process. */
export interface RunningOperator {
  readonly name: string;
  readonly ports: Ports;
  readonly process: Process;
}

/** Operators as processes, as a chart would run them, and agents of nodes that exist in the API only. */
export class OperatorsUnderTest {
  readonly #subject: ServerUnderTest;
  readonly #folder: string;
  readonly #guard: { release: () => void };
  readonly #program: readonly string[];
  readonly #kubeconfig: string;
  readonly #operators: RunningOperator[] = [];
  readonly #agents: StreamAgent[] = [];

  private constructor(subject: ServerUnderTest, folder: string, program: readonly string[], kubeconfig: string) {
    this.#kubeconfig = kubeconfig;
    this.#subject = subject;
    this.#folder = folder;
    this.#guard = guardFolder(folder);
    this.#program = program;
  }

  /** Definitions, namespace, empty authority and router settings: what a chart brings. */
  static async prepare(
    subject: ServerUnderTest,
    program: readonly string[] = [join(ROOT, 'operator/src/main.ts')],
  ): Promise<OperatorsUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'quiver-operators-'));
    await subject.installDefinitions();
    await subject.write('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    const inRelease = `/api/v1/namespaces/${namespace}`;
    await subject.write('POST', `${inRelease}/serviceaccounts`, { metadata: { name: account } });
    for (const plural of ['secrets', 'configmaps'])
      await subject.write('POST', `${inRelease}/${plural}`, { metadata: { name: 'quiver-authority' } });
    await mkdir(join(folder, 'secret'));
    await writeFile(join(folder, 'secret/1'), randomBytes(32).toString('hex'));
    const router = { fabric: 'corp', router: 'site-a', kubernetes: { waypointAddress: 'InternalIP' } };
    const text = JSON.stringify({ apiVersion: 'config.quiver.dev/v1alpha1', kind: 'RouterConfig', ...router });
    await writeFile(join(folder, 'router.yaml'), text);
    await grantDeclared(subject, operatorAccount);
    return new OperatorsUnderTest(subject, folder, program, await subject.kubeconfigAs(operatorAccount));
  }

  /** Starts an operator; `index` gives it its own ports. */
  begin(index: number): RunningOperator {
    const base = 21_440 + index * 10;
    const ports = { config: base, enrol: base + 1, metrics: base + 2, health: base + 3 };
    const name = `op-${index}`;
    const listen = (port: number): string => `127.0.0.1:${port}`;
    const flags = {
      'router-config': join(this.#folder, 'router.yaml'),
      secrets: join(this.#folder, 'secret'),
      namespace,
      'pod-name': name,
      'pod-uid': `00000000-0000-4000-8000-00000000000${index}`,
      'pod-ip': `192.0.2.${index}`,
      'config-listen': listen(ports.config),
      'enrol-listen': listen(ports.enrol),
      'metrics-listen': listen(ports.metrics),
      'health-listen': listen(ports.health),
      'node-taint': 'true',
      kubeconfig: this.#kubeconfig,
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const operator = { name, ports, process: new Process([process.execPath, ...this.#program, 'run', ...args]) };
    this.#operators.push(operator);
    return operator;
  }

  /** The `retire` program, as the hook of the chart runs it. */
  retire(): Process {
    const args = ['retire', '--namespace', namespace, '--kubeconfig', this.#kubeconfig];
    return new Process([process.execPath, ...this.#program, ...args, '--timeout', '30s']);
  }

  /** Makes a node, and the pod of its agent; gives a token of that pod. */
  async node(name: string, address: string): Promise<string> {
    await this.#subject.write('POST', '/api/v1/nodes', { metadata: { name } });
    const addresses = [{ type: 'InternalIP', address }];
    const merge = 'application/merge-patch+json';
    await this.#subject.write('PATCH', `/api/v1/nodes/${name}/status`, { status: { addresses } }, merge);
    return this.agentPod(`quiver-agent-${name}`, name);
  }

  /** Makes the pod of an agent on a node; gives a token of that pod. */
  async agentPod(name: string, node: string): Promise<string> {
    const spec = {
      nodeName: node,
      serviceAccountName: account,
      hostNetwork: true,
      containers: [{ name: 'agent', image: 'none' }],
    };
    const pod = await this.#subject.write('POST', `/api/v1/namespaces/${namespace}/pods`, { metadata: { name }, spec });
    return this.token(account, { apiVersion: 'v1', kind: 'Pod', name, uid: pod.metadata.uid });
  }

  /** A token for the operator, bound to an object when there is one. */
  async token(serviceAccount: string, bound?: object): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
    const spec = { audiences: ['quiver.dev/operator'], expirationSeconds: 600, boundObjectRef: bound };
    const { status } = await this.#subject.write('POST', path, { spec });
    return (status as { readonly token: string }).token;
  }

  /** Which operator serves agents now. */
  leader(within = 30_000): Promise<RunningOperator> {
    return eventually('an operator serves', async () => this.#serving(), { within, every: 100 });
  }

  /** A certificate from an operator. Rejects with the refusal. */
  async enrol(
    { ports }: RunningOperator,
    token: string,
    node: string,
  ): Promise<EnrolResponse & { readonly key: string }> {
    const { request, key } = await newAgentKey();
    const secured = credentials.createSsl(Buffer.from(await this.authority()));
    const client = new EnrolmentServiceClient(`127.0.0.1:${ports.enrol}`, secured, serverName);
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    const asked = { fabric: 'corp', router: 'site-a', node, certificateRequest: request };
    try {
      const response = await new Promise<EnrolResponse>((resolve, reject) => {
        client.enrol(asked, metadata, (error, given) => (error === null ? resolve(given) : reject(error)));
      });
      return { ...response, key };
    } finally {
      client.close();
    }
  }

  /** The agent of a node, which takes whatever it is sent. */
  async agent(operator: RunningOperator, token: string, node: string): Promise<StreamAgent> {
    const { certificate, key, authority } = await this.enrol(operator, token, node);
    const secured = credentials.createSsl(Buffer.from(authority), Buffer.from(key), Buffer.from(certificate));
    const agent = new StreamAgent(`127.0.0.1:${operator.ports.config}`, secured, serverName, (message) => {
      if (message.$case === 'snapshot') agent.say({ $case: 'ack', value: { version: message.value.version } });
    });
    this.#agents.push(agent);
    agent.hello({ node });
    agent.say({ $case: 'report', value: { services: [], targets: [], paths: [], sessions: 0n } });
    return agent;
  }

  /** What agents trust, once the operator has told it. */
  authority(): Promise<string> {
    return eventually('the authority is published', async () => {
      const all = await this.#subject.all(resourceTypes.configMap);
      const config = all.find(({ metadata }) => metadata.name === 'quiver-authority');
      const data = config?.['data'] as { readonly 'ca.crt'?: string } | undefined;
      return data?.['ca.crt'] || undefined;
    });
  }

  /** The status of a condition, with its reason. */
  async conditionOf(kind: 'Tenant' | 'Service' | 'ServiceRoute' | 'Peer', name: string, type: string): Promise<string> {
    const types = { Tenant: 'tenant', Service: 'service', ServiceRoute: 'serviceRoute', Peer: 'peer' } as const;
    const all = await this.#subject.all(resourceTypes[types[kind]]);
    const object = all.find(({ metadata }) => metadata.name === name);
    const { conditions = [] } = (object?.['status'] ?? {}) as {
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
    };
    const found = conditions.find((one) => one.type === type);
    return found === undefined ? '' : `${found.status} ${found.reason}`;
  }

  async create(object: KubeObject): Promise<StoredObject> {
    const { apiVersion, kind, metadata } = object;
    const type = Object.values(resourceTypes).find(
      (one) => one.kind === kind && apiVersion === (one.group === '' ? one.version : `${one.group}/${one.version}`),
    );
    if (type === undefined) throw new Error(`no type for ${kind}`);
    return this.#subject.write('POST', pathOf(type, { namespace: metadata.namespace }), object);
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.close();
    await Promise.all(this.#operators.map(({ process: one }) => one.stop('SIGKILL')));
    this.#guard.release();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #serving(): Promise<RunningOperator | undefined> {
    for (const operator of this.#operators) {
      if (operator.process.hasEnded) continue;
      const text = await metricsOf(operator).catch(() => '');
      if (/^quiver_operator_leader 1$/m.test(text) && operator.process.stdout.includes('listening for enrolments'))
        return operator;
    }
    return undefined;
  }
}

/** The figures of an operator, as Prometheus reads them. */
export async function metricsOf({ ports }: RunningOperator): Promise<string> {
  return (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
}
