import assert from 'node:assert/strict';
import { release, uninstall } from '../cluster/install.ts';
import { eventually } from '../harness/eventually.ts';
import type { KernelState } from '../harness/kernel-state.ts';
import { installAgain } from '../setup/e2e-lab.ts';
import { type Fabric, openFabric, scenarioTime } from './support/fabric.ts';
import { changes, nodeState } from './support/node-state.ts';
import { idlePod } from './support/pods.ts';
import { Shop } from './support/shop.ts';

describe('uninstalling', function () {
  this.timeout(scenarioTime);
  let fabric: Fabric;
  const clean = new Map<string, KernelState>();

  const states = async (): Promise<Map<string, KernelState>> => {
    const all = new Map<string, KernelState>();
    for (const { cluster } of [fabric.alpha, fabric.beta]) {
      for (const node of cluster.nodes) all.set(node.name, await nodeState(node));
    }
    return all;
  };
  const removeAll = async (): Promise<void> => {
    for (const { cluster } of [fabric.alpha, fabric.beta]) await uninstall(cluster, fabric.lab.tools.helm4);
  };

  before(async () => {
    fabric = await openFabric();
    // A pod on each node, so that the plain plugin has made its bridge before the first look.
    for (const site of [fabric.alpha, fabric.beta]) {
      const pods = site.cluster.nodes.map(({ name }) =>
        idlePod('default', `keeper-${name}`, { node: name, programs: false }),
      );
      await site.apply(...pods);
      await site.ready(pods);
    }
    await removeAll();
    for (const [node, state] of await states()) clean.set(node, state);
  });
  after(async () => {
    await installAgain();
  });

  it('leaves nothing of Quiver on any node', () => {
    for (const [node, state] of clean) {
      const own = [...state].filter((line) => /quiver|169\.254\.96|198\.18\./.test(line));
      assert.deepEqual(own, [], `left on ${node}`);
    }
  });

  it('after use leaves every node as it was before the install', async () => {
    await installAgain();
    const shop = await Shop.open({ name: 'leaving', replicas: 2 });
    const client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha2' });
    const answer = await shop.fetch(client);
    assert.equal(answer.code, 0, answer.error);
    await shop.close();
    await removeAll();
    for (const [node, state] of await states()) {
      const former = clean.get(node);
      assert.ok(former !== undefined);
      assert.deepEqual(changes(former, state), [], `changed on ${node}`);
    }
  });

  it('keeps the definitions and the objects, and pods start without it', async () => {
    const { alpha } = fabric;
    const crds = await alpha.cluster.kubectl(['get', 'crd', '-o', 'name']);
    assert.equal(crds.split('\n').filter((name) => name.endsWith('.quiver.dev')).length, 4, crds);
    const pod = idlePod('default', 'afterwards', { node: 'alpha2', programs: false });
    await alpha.apply(pod);
    await alpha.ready([pod]);
    await alpha.remove(pod);
    const nothing = async (): Promise<true | undefined> => {
      const left = await alpha.cluster.kubectl(['-n', release.namespace, 'get', 'all', '-o', 'name']);
      if (left.trim() !== '') throw new Error(left.trim());
      return true;
    };
    await eventually('nothing is left in the namespace', nothing, { within: 60_000, every: 500 });
  });
});
