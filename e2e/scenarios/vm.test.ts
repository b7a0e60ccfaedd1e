import assert from 'node:assert/strict';
import { release } from '../cluster/install.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { fabricSecret } from '../setup/e2e-lab.ts';
import { inAgent } from './support/agents.ts';
import { peerTo } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { peer, route, tenant } from './support/objects.ts';
import { Shop } from './support/shop.ts';
import type { Site } from './support/site.ts';
import { VmRouter } from './support/vm-router.ts';

const ID = /session\/(\S+)/g;

describe('a machine without Kubernetes between two clusters', function () {
  this.timeout(engineBuildTime);
  let shop: Shop;
  let router: VmRouter | undefined;

  before(async () => {
    shop = await Shop.open({ name: 'transit' });
    const { lab, alpha, beta } = shop.fabric;
    await lab.vm.make();
    const { plan } = lab.vm;
    const toVm = peer(plan.name, [{ name: plan.name, address: plan.wan.v4 }]);
    router = await VmRouter.start(lab.vm, {
      fabric: release.fabric,
      secret: fabricSecret(lab),
      objects: [
        peerTo(alpha),
        peerTo(beta),
        tenant(shop.tenant, []),
        ...shop.services,
        ...shop.services.map(({ metadata: { name } }) => route(shop.namespace, name, { peers: [{ name: 'beta' }] })),
      ],
    });
    await beta.apply(toVm);
    await alpha.apply(
      toVm,
      ...shop.services.map(({ metadata: { name } }) => route(shop.namespace, name, { peers: [{ name: plan.name }] })),
    );
    await alpha.ready([...shop.services, ...shop.routes.alpha]);
  });
  after(async () => {
    await router?.stop();
    const { lab, alpha, beta } = shop.fabric;
    const toVm = peer(lab.vm.plan.name, []);
    await Promise.all([alpha.remove(toVm), beta.remove(toVm)]);
    await shop.close();
    await lab.vm.remove();
  });

  it('carries their sessions, under one id at all three', async () => {
    assert.ok(router !== undefined);
    const { alpha, beta } = shop.fabric;
    const { namespace } = shop;
    const options = { namespace, name: 'live', host: 'echo', port: 7, count: 3, node: 'alpha2' };
    const live = await LiveConnections.open(alpha, options);
    await live.goOn();
    const args = ['sessions', '--output', 'name', '--service', `${namespace}/echo`];
    const atVm = idsIn(await router.run(...args));
    assert.equal(atVm.length, 3);
    assert.deepEqual(await idsOf(alpha, args), atVm);
    assert.deepEqual(await idsOf(beta, args), atVm);
  });
});

function idsIn(output: string): string[] {
  return [...output.matchAll(ID)].map(([, id = '']) => id).toSorted((a, b) => a.localeCompare(b));
}

async function idsOf(site: Site, args: readonly string[]): Promise<string[]> {
  const outputs = await Promise.all(site.cluster.nodes.map(({ name }) => inAgent(site, name, args)));
  return idsIn(outputs.join('\n'));
}
