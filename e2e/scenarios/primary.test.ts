import assert from 'node:assert/strict';
import { chartFolder, install } from '../cluster/install.ts';
import { fabricSecret, loadedImages } from '../setup/e2e-lab.ts';
import { ROOT } from '../setup/stage.ts';
import { type Fabric, openFabric, peerTo, programsFor, scenarioTime } from './support/fabric.ts';
import { coreService, namespaceObject, route, tenant } from './support/objects.ts';
import { idlePod, servers } from './support/pods.ts';
import { Shop } from './support/shop.ts';
import { Site } from './support/site.ts';

const NAMESPACE = 'primary';

describe('a cluster that has no other CNI plugin', function () {
  this.timeout(scenarioTime);
  let fabric: Fabric;
  let gamma: Site;
  let shop: Shop;

  before(async () => {
    fabric = await openFabric();
    const { lab } = fabric;
    gamma = new Site(lab.third);
    await lab.third.up('none', [lab.images.pause, lab.images.tools]);
    const images = loadedImages(lab);
    for (const { archive, target } of images) if (target !== 'cli') await lab.third.importImage(archive);
    const values = ['cni.mode=Primary', 'cni.masquerade=true'];
    const { helm4: helm } = lab.tools;
    await install(lab.third, { helm, chart: chartFolder(ROOT), images, secret: fabricSecret(lab), values });
    shop = await Shop.open({ name: NAMESPACE, replicas: 2 });
    await Promise.all([fabric.beta.apply(peerTo(gamma)), gamma.apply(peerTo(fabric.beta))]);
  });
  after(async () => {
    await shop?.close();
    if (gamma !== undefined) await fabric.beta.remove(peerTo(gamma));
    await fabric?.lab.third.down();
  });

  it('becomes ready with it', async () => {
    await gamma.cluster.nodesReady();
  });

  it('has pods of both families that reach each other on every node, by address and by Service', async () => {
    const deployment = servers(NAMESPACE, 'servers', { replicas: 2 });
    const core = coreService(NAMESPACE, 'pods', 'servers', [{ name: 'web', port: 8080 }]);
    await gamma.apply(namespaceObject(NAMESPACE), programsFor(NAMESPACE), deployment, core);
    await gamma.kubectl(deployment, 'rollout', 'status', 'deployment/servers', '--timeout=60s');
    const path = 'jsonpath={range .items[*]}{.status.podIPs[*].ip}{" "}{end}';
    const addresses = (await gamma.kubectl(deployment, 'get', 'pods', '-l', 'app=servers', '-o', path))
      .trim()
      .split(/\s+/);
    assert.equal(addresses.length, 4, addresses.join());
    for (const node of ['gamma1', 'gamma2']) {
      const client = idlePod(NAMESPACE, `client-${node}`, { node, labels: { role: 'buyer' } });
      await gamma.apply(client);
      await gamma.ready([client], 'Ready', 60_000);
      const hosts = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
      for (const host of [...hosts, `pods.${NAMESPACE}.svc.cluster.local`]) {
        const command = ['curl', '-sS', '--globoff', '--max-time', '5', `http://${host}:8080/`];
        const output = await gamma.exec(NAMESPACE, client.metadata.name, command);
        assert.match(output, /"pod":"servers-/, `${host} from ${node}`);
      }
    }
  });

  it('reaches services of another cluster', async () => {
    const services = shop.services;
    const routes = services.map(({ metadata: { name } }) => route(NAMESPACE, name, { peers: [{ name: 'beta' }] }));
    await gamma.apply(
      tenant(shop.tenant, [{ podSelector: { matchLabels: { role: 'buyer' } } }]),
      ...services,
      ...routes,
    );
    await gamma.ready([...services, ...routes]);
    const command = ['curl', '-sS', '--max-time', '5', 'http://web/'];
    for (const node of ['gamma1', 'gamma2']) {
      assert.match(await gamma.exec(NAMESPACE, `client-${node}`, command), /"pod":"servers-/);
    }
  });
});
