import { ConfigOrigin, Dump, StatusResponse } from '@quiver/dataplane-api';
import { API_VERSION, loadCrds } from '@quiver/operator';
import type { KubeObject } from '../cluster/cluster.ts';
import type { Facts } from '../facts/facts.ts';
import { FakeApiServer, type FakeEnd, type FakeExec } from './fake-api-server.ts';

export const sampleTime = Date.parse('2026-10-24T12:00:00Z');

/** What the command line in a node's container prints, by its command. */
export type NodeAnswers = Readonly<Record<string, unknown>>;

/** A cluster with an operator and nodes a1 and a2, all well; a test changes what it is about. */
export class SampleCluster {
  readonly server: FakeApiServer;
  /** Answers of each node; a function decides by the command line. */
  readonly nodes = new Map<string, NodeAnswers>();
  /** How a command at a node ends otherwise. */
  readonly ends = new Map<string, FakeEnd>();
  operatorTime = sampleTime;

  private constructor(server: FakeApiServer) {
    this.server = server;
  }

  static async start(router = 'a'): Promise<SampleCluster> {
    const cluster = new SampleCluster(await FakeApiServer.listen());
    cluster.server.exec = (asked) => cluster.#exec(asked);
    cluster.server.add(...definitions(), lease(), routerConfig(router), operatorPod('quiver-operator-0'));
    for (const [index, name] of [`${router}1`, `${router}2`].entries()) {
      const address = `${router === 'a' ? '192.0.2' : '203.0.113'}.${index + 1}`;
      cluster.server.add(node(name, address, index), agentPod(name));
      cluster.nodes.set(name, {
        status: StatusResponse.toJSON(status(router, name)),
        sessions: Dump.toJSON(Dump.create()),
        drops: { drops: [] },
        facts: facts(address),
      });
    }
    return cluster;
  }

  answer(name: string, command: string, value: unknown): void {
    this.nodes.set(name, { ...this.nodes.get(name), [command]: value });
  }

  /** Command lines that the node was asked, without what all have in common. */
  asked(name: string): readonly string[] {
    const own = this.server.executed.filter((one) => one.pod === `quiver-agent-${name}`);
    return own.map(({ command }) =>
      command
        .slice(2)
        .join(' ')
        .replace(/ -o json.*$/, ''),
    );
  }

  #exec({ pod: podName, command }: FakeExec): FakeEnd {
    if (command[0] === 'node' && command[1] === '--print') return { stdout: `${this.operatorTime}\n` };
    const name = podName.replace('quiver-agent-', '');
    const [, , asked = ''] = command;
    const answer = this.nodes.get(name)?.[asked];
    return this.ends.get(name) ?? { exitCode: 0, stdout: JSON.stringify(answer) };
  }
}

function labels(component: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'quiver',
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/version': '0.1.0',
  };
}

export function pod(name: string, nodeName: string, more: Partial<KubeObject> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'prod' },
    spec: { nodeName, containers: [{ name: 'main', image: 'busybox:1' }] },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.244.1.4' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
    ...more,
  };
}

function operatorPod(name: string): KubeObject {
  return pod(name, 'a1', { metadata: { name, namespace: 'quiver-system', labels: labels('operator') } });
}

export function agentPod(nodeName: string, more: Partial<KubeObject> = {}): KubeObject {
  const name = `quiver-agent-${nodeName}`;
  return pod(name, nodeName, {
    metadata: { name, namespace: 'quiver-system', labels: labels('agent') },
    spec: {
      nodeName,
      hostNetwork: true,
      containers: [
        {
          name: 'agent',
          image: 'quiver/dataplane:0.1.0',
          env: [{ name: 'FABRIC_TOKEN', value: 'a-secret-of-the-fabric' }],
        },
      ],
    },
    ...more,
  });
}

function node(name: string, address: string, index: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDRs: [`10.244.${index}.0/24`] },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'ExternalIP', address: `198.51.100.${index + 1}` },
        { type: 'Hostname', address: name },
      ],
    },
  };
}

function lease(): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'quiver-operator', namespace: 'quiver-system', annotations: { 'quiver.dev/epoch': '7' } },
    spec: {
      holderIdentity: 'quiver-operator-0_d1cfff98-d374-49ec-97e8-21548d6b1e90',
      renewTime: '2026-10-24T11:59:59.000000Z',
      leaseDurationSeconds: 15,
    },
  };
}

function routerConfig(router: string): KubeObject {
  const lines = [
    'apiVersion: config.quiver.dev/v1alpha1',
    'kind: RouterConfig',
    'fabric: demo',
    `router: ${router}`,
    'kubernetes: {mode: Chained}',
  ];
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'quiver-router', namespace: 'quiver-system', labels: labels('operator') },
    data: { 'router.yaml': lines.join('\n') },
  };
}

function definitions(): readonly KubeObject[] {
  return [...loadCrds().values()].map(({ plural, version, schema }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.quiver.dev` },
    spec: { versions: [{ name: version, schema: { openAPIV3Schema: schema } }] },
  }));
}

/** An object of one of the four kinds with its condition Ready. */
export function quiverObject(
  kind: string,
  name: string,
  {
    spec = {},
    status: own = {},
    ready = ['True', 'Ready', ''],
  }: { spec?: object; status?: object; ready?: readonly string[] } = {},
): KubeObject {
  const [value, reason, message] = ready;
  const [namespace, inside = namespace] = name.split('/');
  const isNamespaced = name.includes('/') && namespace !== undefined;
  const condition = { type: 'Ready', status: value, reason, message, lastTransitionTime: '2026-10-24T11:00:00Z' };
  return {
    apiVersion: API_VERSION,
    kind,
    metadata: { name: inside ?? '', ...(isNamespaced ? { namespace } : {}) },
    spec,
    status: { ...own, conditions: [condition] },
  };
}

/** Router b as a Peer of router a, with both its nodes. */
export function peerB(): KubeObject {
  const waypoints = [
    { name: 'b1', address: '203.0.113.1' },
    { name: 'b2', address: '203.0.113.2' },
  ];
  return quiverObject('Peer', 'b', { spec: { router: 'b', waypoints, connectivity: 'Bidirectional' } });
}

export function status(router: string, name: string): StatusResponse {
  const [local, remote] = router === 'a' ? ['192.0.2', '203.0.113'] : ['203.0.113', '192.0.2'];
  const peer = router === 'a' ? 'b' : 'a';
  const paths = [1, 2].map((number) => ({
    router: peer,
    node: `${peer}${number}`,
    localAddress: `${local}.${name.at(-1)}`,
    remoteAddress: `${remote}.${number}`,
    state: 'Up',
    sessions: 3n,
    clockOffsetMs: 12n,
    mtu: 1500,
  }));
  return StatusResponse.fromPartial({
    fabric: 'demo',
    router,
    node: name,
    agentVersion: '0.1.0',
    uptimeMs: 192_000n,
    ready: true,
    config: { version: 4n, epoch: 7n, origin: ConfigOrigin.CONFIG_ORIGIN_OPERATOR, inForceMs: 60_000n },
    operatorLink: { address: 'quiver-operator.quiver-system.svc:9443', connected: true },
    counters: { sessions: 6n, maxSessions: 262_144, workers: 2, paths },
  });
}

export function facts(address: string): Facts {
  return {
    nowMs: sampleTime,
    kernel: '6.18.0',
    hasTun: true,
    ipForward: { ipv4: true, ipv6: false },
    rpFilter: 2,
    localPorts: { first: 32_768, last: 60_999 },
    interfaces: [
      { name: 'eth0', mtu: 1500, addresses: [address] },
      { name: 'quiver0', mtu: 1500, addresses: [] },
    ],
    cni: { file: '05-quiver.conflist', plugins: ['bridge', 'quiver-cni'] },
    config: {
      waypoints: [address],
      waypointPorts: { first: 16_384, last: 29_999 },
      servicePool: ['198.18.0.0/16'],
      returnPool: ['169.254.96.0/20'],
      secrets: [{ version: 1, print: '0a1b2c3d' }],
      activeSecret: 1,
    },
  };
}
