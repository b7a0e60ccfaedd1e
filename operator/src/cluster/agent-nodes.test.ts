import assert from 'node:assert/strict';
import type { KubernetesPod } from '../api/kubernetes-objects.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { AgentNodes } from './agent-nodes.ts';

function agent(node: string, more: Partial<KubernetesPod> = {}): KubernetesPod {
  return {
    uid: `uid-${node}`,
    namespace: 'quiver-system',
    name: `quiver-agent-${node}`,
    labels: {},
    serviceAccount: 'quiver-agent',
    node,
    isHostNetwork: true,
    isFinished: false,
    addresses: [],
    ...more,
  };
}

describe('nodes that objects wait for', () => {
  let clock: FakeClock;
  let nodes: AgentNodes;
  let taints: Readonly<Record<string, string>>;

  beforeEach(() => {
    clock = new FakeClock();
    taints = {};
    const settings = { namespace: 'quiver-system', agentServiceAccount: 'quiver-agent' };
    nodes = new AgentNodes(settings, clock, (name) => {
      const key = taints[name];
      return { name, resourceVersion: '1', taints: key === undefined ? [] : [{ key, effect: 'NoExecute' }] };
    });
  });

  it('are those with the pod of an agent', () => {
    const others = [
      agent('b', { namespace: 'other' }),
      agent('c', { serviceAccount: 'default' }),
      agent('d', { isFinished: true }),
      agent(''),
    ];
    assert.equal(nodes.take([agent('a'), ...others]), false);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', ''].filter((node) => nodes.isAwaited(node)),
      ['a'],
    );
  });

  it('are no nodes that have just joined', () => {
    nodes.take([agent('a')]);
    assert.equal(nodes.take([agent('a'), agent('b')]), true);
    clock.advance(59_000);
    assert.deepEqual([nodes.isAwaited('a'), nodes.isAwaited('b')], [true, false]);
    nodes.take([agent('a'), agent('b')]);
    clock.advance(1_000);
    assert.equal(nodes.isAwaited('b'), true);
  });

  it('are no nodes that are off, and are again when they are back', () => {
    nodes.take([agent('a'), agent('b'), agent('c')]);
    taints = {
      a: 'node.kubernetes.io/unreachable',
      b: 'node.kubernetes.io/not-ready',
      c: 'node.kubernetes.io/unschedulable',
    };
    assert.deepEqual(
      ['a', 'b', 'c'].map((node) => nodes.isAwaited(node)),
      [false, false, true],
    );
    assert.equal(nodes.has('a'), true);
    taints = {};
    assert.equal(nodes.isAwaited('a'), true);
  });

  it('are no nodes whose agent is gone', () => {
    nodes.take([agent('a'), agent('b')]);
    nodes.take([agent('b')]);
    assert.deepEqual([nodes.isAwaited('a'), nodes.isAwaited('b')], [false, true]);
  });
});
