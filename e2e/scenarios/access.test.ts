import assert from 'node:assert/strict';
import { eventually } from '../harness/eventually.ts';
import { scenarioTime } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { service, tenant } from './support/objects.ts';
import { Shop } from './support/shop.ts';

/** curl's exit codes for a refused connection, a timeout and a name that does not resolve. */
const REFUSED = 7;
const TIMEOUT = 28;

describe('access between clusters', function () {
  this.timeout(scenarioTime);
  let shop: Shop;

  before(async () => {
    shop = await Shop.open({ name: 'access' });
  });
  after(() => shop?.close());

  it('is there for a pod whose tenant is in the access list, by the name of the service', async () => {
    const client = await shop.client('buyer', { labels: { role: 'buyer' }, node: 'alpha2' });
    const answer = await shop.fetch(client);
    assert.equal(answer.code, 0, answer.error);
    assert.match(answer.pod ?? '', /^servers-/);
  });

  it('is denied to a pod without tenant', async () => {
    const client = await shop.client('stranger', { node: 'alpha2' });
    const { code, pod } = await shop.fetch(client);
    assert.ok(code === REFUSED || code === TIMEOUT, `curl ended with ${code}, answered by ${pod}`);
  });

  it('is denied to a tenant that the access list does not name', async () => {
    const others = tenant('others-access', [{ podSelector: { matchLabels: { role: 'other' } } }]);
    await shop.fabric.alpha.apply(others);
    await shop.fabric.alpha.ready([others]);
    const client = await shop.client('other', { labels: { role: 'other' }, node: 'alpha2' });
    const { code } = await shop.fetch(client);
    assert.ok(code === REFUSED || code === TIMEOUT, `curl ended with ${code}`);
    await shop.fabric.alpha.remove(others);
  });

  it('follows the labels of a pod that runs', async () => {
    const client = await shop.client('changing', { node: 'alpha1' });
    assert.notEqual((await shop.fetch(client)).code, 0);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: client, namespace: shop.namespace } };
    await shop.fabric.alpha.kubectl(pod, 'label', 'pod', client, 'role=buyer');
    await eventually('the pod is let in', async () => ((await shop.fetch(client)).code === 0 ? true : undefined));
    await shop.fabric.alpha.kubectl(pod, 'label', 'pod', client, 'role-');
    await eventually('the pod is let out', async () => ((await shop.fetch(client)).code === 0 ? undefined : true));
  });

  for (const side of ['alpha', 'beta'] as const) {
    it(`that is taken away in ${side} ends a live session, and given back opens the next`, async () => {
      const { namespace, echo } = shop;
      const live = await LiveConnections.open(shop.fabric.alpha, {
        namespace,
        name: `live-${side}`,
        host: 'echo',
        port: 7,
        count: 5,
        node: 'alpha2',
      });
      const closed = service(namespace, 'echo', { ports: [{ protocol: 'TCP', port: 7 }] });
      await shop.fabric[side].apply(closed);
      await live.reports('have ended or are silent', ({ live: count, silence }) => count === 0 || silence > 3000);
      await shop.fabric[side].apply(echo);
      await shop.fabric[side].ready([echo]);
      const next = await LiveConnections.open(shop.fabric.alpha, {
        namespace,
        name: `next-${side}`,
        host: 'echo',
        port: 7,
        count: 5,
        node: 'alpha2',
      });
      assert.equal((await next.goOn()).live, 5);
    });
  }
});
