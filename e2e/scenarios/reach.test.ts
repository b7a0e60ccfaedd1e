import assert from 'node:assert/strict';
import { now } from '../harness/eventually.ts';
import { inAgent } from './support/agents.ts';
import { scenarioTime } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { Shop } from './support/shop.ts';
import type { Site } from './support/site.ts';

/** Seconds from the first `kubectl apply` to the first answer, servers and their images being there. */
const FIRST_ANSWER = 60;

describe('a service of another cluster', function () {
  this.timeout(scenarioTime);
  let shop: Shop | undefined;

  after(() => shop?.close());

  it('is reached by its name, from every node', async () => {
    const begin = now();
    shop = await Shop.open({ name: 'reach' });
    const first = await shop.client('on-alpha1', { labels: { role: 'buyer' }, node: 'alpha1' });
    const answer = await shop.fetch(first);
    assert.equal(answer.code, 0, answer.error);
    assert.ok(now() - begin < FIRST_ANSWER * 1000, `it took ${Math.round((now() - begin) / 1000)} s`);
    const second = await shop.client('on-alpha2', { labels: { role: 'buyer' }, node: 'alpha2' });
    for (const client of [first, second]) {
      for (const name of ['web', 'web.reach', 'web.reach.svc.cluster.local']) {
        const { code, pod = '', error } = await shop.fetch(client, name);
        assert.equal(code, 0, error);
        assert.match(pod, /^servers-/);
      }
    }
  });

  it('has one session id at both ends', async () => {
    assert.ok(shop !== undefined);
    const { alpha, beta } = shop.fabric;
    const options = { namespace: shop.namespace, name: 'live', host: 'echo', port: 7, count: 1, node: 'alpha2' };
    const live = await LiveConnections.open(alpha, options);
    const ids = async (site: Site): Promise<string[]> => {
      const seen: string[] = [];
      for (const { name } of site.cluster.nodes) seen.push(...(await sessionsOn(site, name, 'reach/echo')));
      return seen;
    };
    const [here, there] = [await ids(alpha), await ids(beta)];
    assert.deepEqual(here, there);
    assert.equal(here.length, 1);
    await live.goOn();
  });
});

async function sessionsOn(site: Site, node: string, service: string): Promise<string[]> {
  const output = await inAgent(site, node, ['sessions', '--output', 'name', '--service', service]);
  return output.split('\n').filter((line) => line !== '');
}
