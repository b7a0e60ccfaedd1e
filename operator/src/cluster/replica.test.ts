import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { annotateLease } from '../kubernetes/lease/annotate-lease.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { type LogFields, silentLogger } from '../logger.ts';
import { type BenchReplica, ClusterBench, releaseNamespace } from '../testing/cluster-bench.ts';
import { exampleSnapshot, resourceYaml } from '../testing/example.ts';
import type { StreamAgent } from '../testing/stream-agent.ts';
import { retireNodes } from './retire-command.ts';

const lease = { namespace: releaseNamespace, name: 'quiver-operator' };

describe('operators of a cluster', () => {
  let bench: ClusterBench;

  beforeEach(async () => {
    bench = await ClusterBench.start();
    for (const [kind, name] of [
      ['Service', 'db'],
      ['ServiceRoute', 'db'],
    ] as const)
      bench.server.storage.create({
        apiVersion: 'quiver.dev/v1alpha1',
        kind,
        metadata: { namespace: 'prod', name },
        spec: {},
      });
  });

  afterEach(() => bench.close());

  async function serving(...names: readonly string[]): Promise<readonly BenchReplica[]> {
    const replicas = names.map((name) => bench.begin(name));
    await bench.until('one serves', () => replicas.some(({ replica }) => replica.agentPorts.length === 2));
    return replicas;
  }

  function split(replicas: readonly BenchReplica[]): { leader: BenchReplica; other: BenchReplica | undefined } {
    const leader = replicas.find(({ replica }) => replica.agentPorts.length > 0);
    assert.ok(leader !== undefined);
    return { leader, other: replicas.find((one) => one !== leader) };
  }

  async function configOf(agent: StreamAgent): Promise<{ epoch: bigint; version: bigint }> {
    const message = await agent.messages.first(({ $case }) => $case === 'snapshot');
    assert.ok(message.$case === 'snapshot');
    return message.value;
  }

  async function get({ replica }: BenchReplica, index: 0 | 1, path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${replica.httpPorts[index]}${path}`);
    return `${response.status} ${await response.text()}`;
  }

  function readyOf(kind: 'service' | 'serviceRoute'): string | undefined {
    const { status } = bench.server.storage.get(resourceTypes[kind], 'prod/db');
    const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string; reason: string }[] };
    const ready = conditions.find(({ type }) => type === 'Ready');
    return ready && `${ready.status} ${ready.reason}`;
  }

  it('give a node its certificate, its configuration, and objects their status', async () => {
    const { leader } = split(await serving('one'));
    const agent = await bench.dial(leader);
    const { version } = await configOf(agent);
    agent.say({ $case: 'ack', value: { version } });
    await bench.until('ready', () => readyOf('service') === 'True Ready');
    await bench.until('an event', () => bench.server.storage.all(resourceTypes.event).length > 0);
    const metrics = await get(leader, 0, '/metrics');
    assert.match(metrics, /quiver_operator_leader 1\n/);
    assert.match(metrics, /quiver_operator_agents_connected 1\n/);
    assert.match(metrics, /quiver_operator_enrolments_total\{result="Issued"\} 1\n/);
  });

  it('are both ready, and only one serves: that to which the endpoints lead', async () => {
    const replicas = await serving('one', 'other');
    const { leader, other } = split(replicas);
    assert.ok(other !== undefined);
    await bench.until('endpoints', () => bench.endpoints().length === 1);
    assert.deepEqual(
      replicas.map(({ replica }) => replica.agentPorts.length > 0).filter((isServing) => isServing),
      [true],
    );
    for (const one of [leader, other]) assert.match(await get(one, 1, '/readyz'), /^200 ok/);
    assert.match(await get(other, 0, '/metrics'), /quiver_operator_leader 0\n/);
  });

  it('hand over when one is told to end: at once, under a higher epoch, with no moment in which two serve', async () => {
    const replicas = await serving('one', 'other');
    const { leader, other } = split(replicas);
    assert.ok(other !== undefined);
    const first = await bench.dial(leader);
    const { epoch } = await configOf(first);
    await bench.until('endpoints', () => bench.endpoints().length === 1);
    await leader.replica.stop();
    assert.equal(await leader.ended, 'Stopped');
    assert.deepEqual([leader.replica.agentPorts, bench.endpoints()], [[], []]);
    assert.match(await first.ends.first(() => true), /end|UNAVAILABLE|CANCELLED/);
    await bench.until('the other serves', () => other.replica.agentPorts.length === 2);
    const second = await configOf(await bench.dial(other));
    assert.ok(second.epoch > epoch);
    await bench.until('endpoints', () => bench.endpoints().length === 1);
  });

  it('stop serving before another may lead when the API server is not reached any more', async () => {
    const replicas: BenchReplica[] = [];
    const servingWhenWon: number[] = [];
    const info = (message: string): void => {
      if (message !== 'leading') return;
      servingWhenWon.push(replicas.filter(({ replica }) => replica.agentPorts.length > 0).length);
    };
    const logger = { ...silentLogger(), info, with: () => logger };
    for (const name of ['one', 'other']) replicas.push(bench.begin(name, {}, logger));
    await bench.until('one serves', () => replicas.some(({ replica }) => replica.agentPorts.length === 2));
    const { leader, other } = split(replicas);
    assert.ok(other !== undefined);
    const agent = await bench.dial(leader);
    const { epoch } = await configOf(agent);
    leader.cutOff();
    assert.equal(await leader.ended, 'LeadershipLost');
    assert.deepEqual(leader.replica.agentPorts, []);
    await agent.ends.first(() => true);
    await bench.until('the other serves', () => other.replica.agentPorts.length === 2);
    assert.deepEqual(servingWhenWon, [0, 0]);
    const second = await configOf(await bench.dial(other));
    assert.ok(second.epoch > epoch);
  });

  it('end the stream of a node whose agent pod is gone, and serve the next one', async () => {
    const { leader } = split(await serving('one'));
    const agent = await bench.dial(leader);
    await configOf(agent);
    bench.server.storage.delete(resourceTypes.pod, `${releaseNamespace}/quiver-agent-1`);
    const refused = await agent.messages.first(({ $case }) => $case === 'refused');
    assert.ok(refused.$case === 'refused' && refused.value.code === 'PodGone');
    bench.putPod('quiver-agent-2');
    await configOf(await bench.dial(leader));
  });

  it('let pods onto a node when its agent has answered', async () => {
    const taints = [{ key: 'quiver.dev/agent-not-ready', effect: 'NoSchedule' }];
    bench.server.storage.mergePatch(resourceTypes.node, 'node1', { spec: { taints } });
    const { leader } = split(await serving('one'));
    const isTainted = () =>
      JSON.stringify(bench.server.storage.get(resourceTypes.node, 'node1')).includes('agent-not-ready');
    const agent = await bench.dial(leader);
    const { version } = await configOf(agent);
    assert.equal(isTainted(), true);
    agent.say({ $case: 'ack', value: { version } });
    await bench.until('no taint', () => !isTainted());
    agent.close();
    while (!(await get(leader, 0, '/metrics')).includes('quiver_operator_agents_connected 0'));
    // A machine made anew under the same name.
    bench.server.storage.mergePatch(resourceTypes.node, 'node1', { spec: { taints } });
    const until = bench.clock.now() + 2_000;
    await bench.until('some time', () => bench.clock.now() > until);
    assert.equal(isTainted(), true);
    const next = await bench.dial(leader);
    next.say({ $case: 'ack', value: { version: (await configOf(next)).version } });
    await bench.until('no taint', () => !isTainted());
  });

  it('tell what is wrong with an object although nobody else is there', async () => {
    const { leader } = split(await serving('one'));
    leader.view.source.put(exampleSnapshot(resourceYaml.replace('{tenant: web.prod}', '{tenant: nobody}')));
    await bench.until('told', () => readyOf('service') === 'False UnknownTenant');
  });

  it('take everything off the nodes, tell how far they are, and do not begin anew', async () => {
    const replicas = await serving('one', 'other');
    const { leader, other } = split(replicas);
    assert.ok(other !== undefined);
    const agent = await bench.dial(leader);
    agent.say({ $case: 'ack', value: { version: (await configOf(agent)).version } });
    const lines: string[] = [];
    const retiring = retireNodes(
      { lease, timeoutMilliseconds: 60_000 },
      {
        client: leader.client,
        clock: bench.clock,
        print: (line) => lines.push(line),
        signal: new AbortController().signal,
      },
    );
    const order = await agent.messages.first(
      (message) => message.$case === 'snapshot' && message.value.config?.retire === true,
    );
    assert.ok(order.$case === 'snapshot');
    agent.say({ $case: 'ack', value: { version: order.value.version } });
    await retiring;
    assert.ok(lines.includes('1/1 nodes have taken everything off'), lines.join('\n'));
    await bench.until('nobody serves', () => replicas.every(({ replica }) => replica.agentPorts.length === 0));
    // Both look at the lease several times and leave it alone.
    const until = bench.clock.now() + 8_000;
    await bench.until('some time', () => bench.clock.now() > until);
    assert.equal(bench.server.storage.has(resourceTypes.lease, `${releaseNamespace}/quiver-operator`), false);
    assert.match(await get(leader, 1, '/readyz'), /^200/);
    const forgotten = bench.clock.now() + 32_000;
    await bench.until('half a minute', () => bench.clock.now() > forgotten);
    assert.match(await get(leader, 1, '/readyz'), /^503 the nodes are retired: remove the release/);
  });

  it('begin anew when they lose the lease during a retirement, so that it is finished', async () => {
    const { leader } = split(await serving('one'));
    await bench.dial(leader);
    await annotateLease(leader.client, lease, { 'quiver.dev/retire': 'now' });
    const told = () => bench.server.storage.get(resourceTypes.lease, `${releaseNamespace}/quiver-operator`).metadata;
    await bench.until('retiring', () => told().annotations?.['quiver.dev/retired'] === '0/1');
    leader.cutOff();
    assert.equal(await leader.ended, 'LeadershipLost');
  });

  it('wait for an authority that is broken, and serve when it is repaired', async () => {
    const key = `${releaseNamespace}/quiver-authority`;
    const broken = Buffer.from('broken').toString('base64');
    bench.server.storage.mergePatch(resourceTypes.secret, key, { data: { 'tls.crt': broken, 'tls.key': broken } });
    const reasons: string[] = [];
    const error = (_: string, fields?: LogFields) => reasons.push(String(fields?.['code']));
    const logger = { ...silentLogger(), error, with: () => logger };
    const one = bench.begin('one', {}, logger);
    await bench.until('told', () => reasons.includes('AuthorityInvalid'));
    assert.deepEqual(one.replica.agentPorts, []);
    bench.server.storage.mergePatch(resourceTypes.secret, key, { data: { 'tls.crt': null, 'tls.key': null } });
    await bench.until('serves', () => one.replica.agentPorts.length === 2);
  });

  it('end when their address is taken, for another to lead', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const one = bench.begin('one', { configListen: `127.0.0.1:${port}` });
    const end = await one.ended;
    await new Promise((resolve) => taken.close(resolve));
    assert.equal(end, 'Failed');
  });
});
