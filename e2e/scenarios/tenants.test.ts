import assert from 'node:assert/strict';
import { eventually } from '../harness/eventually.ts';
import { scenarioTime } from './support/fabric.ts';
import { namespaceObject } from './support/objects.ts';
import { Shop } from './support/shop.ts';

describe('tenants of pods', function () {
  this.timeout(scenarioTime);
  let shop: Shop | undefined;

  afterEach(async () => {
    await shop?.close();
    shop = undefined;
  });

  it('are told by a label of the pod', async () => {
    const members = [{ podSelector: { matchLabels: { app: 'inside' } } }];
    shop = await Shop.open({ name: 'by-label', members, replicas: 1 });
    const inside = await shop.client('inside', { node: 'alpha1' });
    const outside = await shop.client('outside', { node: 'alpha1' });
    const answer = await shop.fetch(inside);
    assert.equal(answer.code, 0, answer.error);
    assert.notEqual((await shop.fetch(outside)).code, 0);
  });

  it('are told by its service account', async () => {
    const name = 'by-account';
    const members = [{ serviceAccounts: [{ namespace: name, name: 'inside' }] }];
    shop = await Shop.open({ name, members, replicas: 1 });
    await shop.fabric.alpha.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'inside', namespace: name },
    });
    const inside = await shop.client('inside', { serviceAccount: 'inside', node: 'alpha2' });
    const outside = await shop.client('outside', { node: 'alpha2' });
    const answer = await shop.fetch(inside);
    assert.equal(answer.code, 0, answer.error);
    assert.notEqual((await shop.fetch(outside)).code, 0);
  });

  it('are told by a label of its namespace, which may come later', async () => {
    const name = 'by-namespace';
    const opened = await Shop.open({
      name,
      members: [{ namespaceSelector: { matchLabels: { team: 'inside' } } }],
      replicas: 1,
    });
    shop = opened;
    const client = await opened.client('client', { node: 'alpha1' });
    assert.notEqual((await opened.fetch(client)).code, 0);
    const namespace = namespaceObject(name);
    await opened.fabric.alpha.kubectl(namespace, 'label', 'namespace', name, 'team=inside');
    await eventually('the pod is let in', async () => ((await opened.fetch(client)).code === 0 ? true : undefined));
  });
});
