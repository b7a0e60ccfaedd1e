import assert from 'node:assert/strict';
import { scenarioTime } from './support/fabric.ts';
import { runProgram } from './support/pods.ts';
import { Shop } from './support/shop.ts';

describe('both families and a range of UDP ports', function () {
  this.timeout(scenarioTime);
  let shop: Shop;
  let client: string;
  let addresses: { readonly v4: string; readonly v6: string };

  before(async () => {
    shop = await Shop.open({ name: 'protocols', udp: '10000-10019' });
    client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha2' });
    addresses = await shop.addresses(client, 'web');
  });
  after(() => shop?.close());

  it('have an address of each pool under one name', () => {
    assert.match(addresses.v4, /^198\.18\.\d+\.\d+$/);
    assert.match(addresses.v6, /^fd71:7569:7665:1:/);
  });

  for (const family of ['v4', 'v6'] as const) {
    it(`carry TCP over IP${family}`, async () => {
      const host = family === 'v4' ? addresses.v4 : `[${addresses.v6}]`;
      for (let i = 0; i < 10; i += 1) {
        const answer = await shop.fetch(client, host);
        assert.equal(answer.code, 0, answer.error);
      }
    });

    it(`carry every port of a UDP range over IP${family}`, async () => {
      const to = (await shop.addresses(client, 'voice'))[family];
      const from = family === 'v4' ? '0.0.0.0' : '::';
      const command = runProgram('udp-client.ts', from, to, '10000-10019', '5', 'hello');
      const asked = JSON.parse(await shop.fabric.alpha.exec(shop.namespace, client, command)) as object;
      assert.deepEqual(asked, { sent: 100, received: 100, portsTried: 20, portsOk: 20 });
    });
  }

  it('do not carry a port beside the range', async () => {
    const { v4 } = await shop.addresses(client, 'voice');
    const command = runProgram('udp-client.ts', '0.0.0.0', v4, '10020', '1', 'hello');
    const asked = JSON.parse(await shop.fabric.alpha.exec(shop.namespace, client, command)) as { received: number };
    assert.equal(asked.received, 0);
  });
});
