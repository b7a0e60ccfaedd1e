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

  beforeEach(() => {
    clock = new FakeClock();
    nodes = new AgentNodes({ namespace: 'quiver-system', agentServiceAccount: 'quiver-agent' }, clock);
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
      ['a', 'b', 'c', 'd', ''].filter((node) => nodes.has(node)),
      ['a'],
    );
  });

  it('are no nodes that have just joined', () => {
    nodes.take([agent('a')]);
    assert.equal(nodes.take([agent('a'), agent('b')]), true);
    clock.advance(59_000);
    assert.deepEqual([nodes.has('a'), nodes.has('b')], [true, false]);
    nodes.take([agent('a'), agent('b')]);
    clock.advance(1_000);
    assert.equal(nodes.has('b'), true);
  });

  it('are no nodes whose agent is gone', () => {
    nodes.take([agent('a'), agent('b')]);
    nodes.take([agent('b')]);
    assert.deepEqual([nodes.has('a'), nodes.has('b')], [false, true]);
  });
});
