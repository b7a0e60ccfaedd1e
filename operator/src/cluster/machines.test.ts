import assert from 'node:assert/strict';
import { NodeConfig } from '@quiver/dataplane-api';
import type { NodeReport } from '../conditions/node-report.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { type FakeCluster, fakeCluster, passing } from '../kubernetes/testing/fake-cluster.ts';
import { silentLogger } from '../logger.ts';
import { projectAll } from '../project/node-config.ts';
import { exampleSnapshot } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import type { TaintedNode } from './node-taint.ts';
import { operatorEndpoints } from './operator-endpoints.ts';
import { missingText, progressText, retired, retirementProgress } from './retirement.ts';
import { TaintRemover } from './taint-remover.ts';

const taint = { key: 'quiver.dev/agent-not-ready', effect: 'NoSchedule' };
const other = { key: 'example.com/busy', effect: 'NoExecute' };

describe('taint of nodes', () => {
  let cluster: FakeCluster;
  let remover: TaintRemover;
  let frozen: TaintedNode | undefined;
  let counted: string[];

  beforeEach(async () => {
    cluster = await fakeCluster();
    [frozen, counted] = [undefined, []];
    remover = new TaintRemover({
      client: cluster.client,
      view: { node: (name) => frozen ?? read(name) },
      clock: cluster.clock,
      random: () => 0.5,
      logger: silentLogger(),
      counted: (result) => counted.push(result),
    });
  });

  afterEach(async () => {
    await remover.close();
    await cluster.close();
  });

  function create(taints: readonly object[]): void {
    cluster.server.storage.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' }, spec: { taints } });
  }

  function read(name: string): TaintedNode | undefined {
    if (!cluster.server.storage.has(resourceTypes.node, name)) return undefined;
    const { metadata, spec } = cluster.server.storage.get(resourceTypes.node, name);
    const { taints = [] } = spec as { taints?: TaintedNode['taints'] };
    return { name, resourceVersion: metadata.resourceVersion, taints };
  }

  it('goes when the agent forwards, and all others stay', async () => {
    create([other, taint]);
    remover.look('node1');
    await passing(cluster.clock, 'removed', () => counted.includes('Written'));
    assert.deepEqual(read('node1')?.taints, [other]);
  });

  it('is not looked for where it is not', async () => {
    create([other]);
    remover.look('node1');
    remover.look('node9');
    await remover.close();
    assert.deepEqual(cluster.server.calls, []);
  });

  it('never takes a taint with it that came meanwhile', async () => {
    create([taint]);
    frozen = read('node1');
    cluster.server.storage.mergePatch(resourceTypes.node, 'node1', { spec: { taints: [taint, other] } });
    remover.look('node1');
    await passing(cluster.clock, 'refused', () => counted.includes('Outdated'));
    frozen = undefined;
    await passing(cluster.clock, 'removed', () => counted.includes('Written'));
    assert.deepEqual(read('node1')?.taints, [other]);
  });
});

describe('retirement of nodes', () => {
  const { ir } = translate(exampleSnapshot());
  const [node] = projectAll(ir);
  assert.ok(node !== undefined);
  const order = retired(node);

  it('is an order of its own, with its own digest', () => {
    assert.equal(NodeConfig.decode(order.bytes).retire, true);
    assert.notEqual(order.digest, node.digest);
    assert.equal(node.config.retire, false);
  });

  it('counts nodes that have done it among those that can be reached', () => {
    const waiting: NodeReport = {
      node: 'a',
      wanted: order.config,
      acknowledged: node.config,
      rejected: [],
      isConnected: true,
      paths: [],
    };
    const done = { ...waiting, node: 'b', acknowledged: order.config };
    const doneAndGone = { ...done, node: 'c', isConnected: false };
    const absent = { ...waiting, node: 'd', acknowledged: undefined, isConnected: false };
    const progress = retirementProgress([waiting, done, doneAndGone, absent]);
    assert.deepEqual([progressText(progress), missingText(progress)], ['2/3', 'd']);
    const many = Array.from({ length: 52 }, (_, index) => ({ ...absent, node: `n${index}` }));
    assert.match(missingText(retirementProgress(many)), / and 2 more$/);
  });
});

describe('endpoints of the leading operator', () => {
  const settings = {
    namespace: 'quiver-system',
    name: 'quiver-operator',
    podName: 'quiver-operator-0',
    podUid: 'uid',
    podIps: ['10.0.0.1', 'fd00::1'],
    configListen: ':9443',
    enrolListen: '[::]:9444',
  };

  it('lead to it in each family, and belong to its pod', () => {
    const [four, six] = operatorEndpoints(settings, true);
    assert.deepEqual([four?.metadata.name, six?.metadata.name], ['quiver-operator', 'quiver-operator-ipv6']);
    assert.deepEqual([four?.['addressType'], six?.['addressType']], ['IPv4', 'IPv6']);
    assert.deepEqual(
      [four?.['endpoints'], six?.['endpoints']].map((all) => (all as { addresses: string[] }[])[0]?.addresses),
      [['10.0.0.1'], ['fd00::1']],
    );
    assert.deepEqual(
      ((four?.['ports'] ?? []) as { name: string; port: number }[]).map(({ name, port }) => `${name} ${port}`),
      ['config 9443', 'enrol 9444'],
    );
    assert.deepEqual(four?.metadata.ownerReferences, [
      { apiVersion: 'v1', kind: 'Pod', name: 'quiver-operator-0', uid: 'uid' },
    ]);
  });

  it('are empty when it does not serve, and absent in a family that the pod does not have', () => {
    const [only, ...rest] = operatorEndpoints({ ...settings, podIps: ['10.0.0.1'] }, false);
    assert.deepEqual([only?.['endpoints'], rest], [[], []]);
  });
});
