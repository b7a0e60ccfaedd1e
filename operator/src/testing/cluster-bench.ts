import { credentials, Metadata } from '@grpc/grpc-js';
import { EnrolmentServiceClient } from '@quiver/dataplane-api';
import type { Clock } from '../clock.ts';
import { Replica, type ReplicaEnd } from '../cluster/replica.ts';
import type { ClusterSettings } from '../cluster/settings.ts';
import { ApiClient } from '../kubernetes/client/api-client.ts';
import { reviewToken } from '../kubernetes/client/token-review.ts';
import type { Transport } from '../kubernetes/client/transport.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { FakeApiServer } from '../kubernetes/testing/fake-api-server.ts';
import { plainTransport } from '../kubernetes/testing/fake-cluster.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type AgentKey, newAgentKey } from './agent-key.ts';
import { exampleSnapshot } from './example.ts';
import { FakeClusterView } from './fake-cluster-view.ts';
import { fastClock } from './fast-clock.ts';
import { StreamAgent } from './stream-agent.ts';

export const releaseNamespace = 'quiver-system';

/** A running operator of the bench. */
export interface BenchReplica {
  readonly replica: Replica;
  readonly view: FakeClusterView;
  readonly client: ApiClient;
  readonly ended: Promise<ReplicaEnd>;
  /** From now on it does not reach the API server. */
  cutOff(): void;
}

/** A fake API server with a node and its agent's pod, for operators that run as in a cluster, only faster. */
export class ClusterBench {
  readonly server: FakeApiServer;
  readonly clock: Clock;
  readonly #replicas: BenchReplica[] = [];
  readonly #transports: Transport[] = [];
  readonly #agents: StreamAgent[] = [];
  #podUid = '';

  private constructor(server: FakeApiServer, clock: Clock) {
    this.server = server;
    this.clock = clock;
  }

  static async start(): Promise<ClusterBench> {
    const bench = new ClusterBench(await FakeApiServer.start(), fastClock(5));
    const metadata = { namespace: releaseNamespace, name: 'quiver-authority' };
    bench.server.storage.create({ apiVersion: 'v1', kind: 'Secret', metadata });
    bench.server.storage.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    bench.server.storage.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' }, spec: {} });
    bench.putPod('quiver-agent-1');
    return bench;
  }

  /** The agent's pod on node1, which agents of the bench are in from now on. */
  putPod(name: string): void {
    const metadata = { namespace: releaseNamespace, name };
    const spec = { nodeName: 'node1' };
    this.#podUid = this.server.storage.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec }).metadata.uid;
    const extra = {
      'authentication.kubernetes.io/pod-uid': [this.#podUid],
      'authentication.kubernetes.io/node-name': ['node1'],
    };
    const user = { username: `system:serviceaccount:${releaseNamespace}:quiver-agent`, extra };
    this.server.tokens.set(this.#podUid, { authenticated: true, audiences: ['quiver.dev/operator'], user });
  }

  begin(name: string, more: Partial<ClusterSettings> = {}, logger: Logger = silentLogger()): BenchReplica {
    const view = new FakeClusterView(this.server.storage, exampleSnapshot());
    const transport = plainTransport(this.server.url);
    this.#transports.push(transport);
    let isCutOff = false;
    const send: Transport['send'] = (request) =>
      isCutOff ? Promise.reject(new Error('cut off')) : transport.send(request);
    const cuttable = { send, renew: () => transport.renew(), close: () => transport.close() };
    const client = new ApiClient({ transport: cuttable, clock: this.clock, namespace: releaseNamespace });
    const review = async (shown: string, audience: string) => {
      const owner = await reviewToken(client, shown, audience);
      return 'error' in owner ? undefined : owner;
    };
    const deps = { client, view, reviewer: { review }, clock: this.clock, random: () => 0.5, logger, version: '1.0.0' };
    const replica = new Replica({ ...settingsOf(name), ...more }, deps);
    const begun = { replica, view, client, ended: replica.run(), cutOff: () => (isCutOff = true) };
    this.#replicas.push(begun);
    return begun;
  }

  /** The agent of node1 gets a certificate and its stream from an operator that serves. */
  async dial({ replica }: BenchReplica): Promise<StreamAgent> {
    const [configPort = 0, enrolPort = 0] = replica.agentPorts;
    const key = await newAgentKey();
    const authority = this.authority();
    const { certificate } = await enrol(enrolPort, key, { authority, token: this.#podUid });
    const secured = credentials.createSsl(Buffer.from(authority), Buffer.from(key.key), Buffer.from(certificate));
    const agent = new StreamAgent(`127.0.0.1:${configPort}`, secured, {
      'grpc.ssl_target_name_override': 'quiver-operator',
    });
    this.#agents.push(agent);
    agent.hello();
    return agent;
  }

  /** What agents find in the ConfigMap. */
  authority(): string {
    const { data } = this.server.storage.get(resourceTypes.configMap, `${releaseNamespace}/quiver-authority`);
    return (data as { readonly 'ca.crt'?: string } | undefined)?.['ca.crt'] ?? '';
  }

  /** Names of pods to which the EndpointSlice leads agents. */
  endpoints(): readonly string[] {
    const key = `${releaseNamespace}/quiver-operator`;
    if (!this.server.storage.has(resourceTypes.endpointSlice, key)) return [];
    const { endpoints } = this.server.storage.get(resourceTypes.endpointSlice, key);
    return (endpoints as readonly { readonly targetRef: { readonly name: string } }[]).map((one) => one.targetRef.name);
  }

  /** Looks until it is so; rejects after a minute of the bench's time. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const end = this.clock.now() + 60_000;
    while (!isSo()) {
      if (this.clock.now() > end) throw new Error(`it never was so: ${what}`);
      await new Promise<void>((resolve) => this.clock.after(50, resolve));
    }
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.close();
    await Promise.all(this.#replicas.map(({ replica }) => replica.stop()));
    await Promise.all(this.#transports.map((transport) => transport.close()));
    await this.server.close();
  }
}

function settingsOf(podName: string): ClusterSettings {
  const any = '127.0.0.1:0';
  return {
    routerConfig: '',
    secrets: '',
    namespace: releaseNamespace,
    podName,
    podUid: `uid-${podName}`,
    podIps: ['127.0.0.1'],
    name: 'quiver-operator',
    authority: 'quiver-authority',
    configListen: any,
    enrolListen: any,
    metricsListen: any,
    healthListen: any,
    agentServiceAccount: 'quiver-agent',
    removesTaint: true,
    kubeconfig: '',
    logLevel: 'info',
  };
}

interface Shown {
  readonly authority: string;
  readonly token: string;
}

async function enrol(
  port: number,
  { request }: AgentKey,
  { authority, token }: Shown,
): Promise<{ certificate: string }> {
  const options = { 'grpc.ssl_target_name_override': 'quiver-operator' };
  const secured = credentials.createSsl(Buffer.from(authority));
  const client = new EnrolmentServiceClient(`127.0.0.1:${port}`, secured, options);
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const asked = { fabric: 'corp', router: 'site-a', node: 'node1', certificateRequest: request };
  try {
    return await new Promise((resolve, reject) => {
      client.enrol(asked, metadata, (error, response) => (error === null ? resolve(response) : reject(error)));
    });
  } finally {
    client.close();
  }
}
