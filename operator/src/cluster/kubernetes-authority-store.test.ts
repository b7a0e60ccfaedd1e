import assert from 'node:assert/strict';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { type FakeCluster, fakeCluster } from '../kubernetes/testing/fake-cluster.ts';
import { KubernetesAuthorityStore } from './kubernetes-authority-store.ts';

const place = { namespace: 'quiver-system', name: 'quiver-authority' };
const pair = { certificate: 'CERTIFICATE', key: 'KEY' };

describe('authority in a Secret', () => {
  let cluster: FakeCluster;
  let store: KubernetesAuthorityStore;

  beforeEach(async () => {
    cluster = await fakeCluster();
    store = new KubernetesAuthorityStore(cluster.client, place);
    const metadata = { ...place, labels: { keep: 'me' } };
    cluster.server.storage.create({ apiVersion: 'v1', kind: 'Secret', metadata });
    cluster.server.storage.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  });

  afterEach(() => cluster.close());

  it('is empty as the chart makes it, and holds what was written first', async () => {
    const empty = await store.read();
    assert.deepEqual([empty?.certificate, empty?.key], ['', '']);
    assert.equal(await store.write(pair, empty?.version ?? ''), true);
    assert.equal(await store.write({ certificate: 'OTHER', key: 'OTHER' }, empty?.version ?? ''), false);
    const { certificate, key } = (await store.read()) ?? {};
    assert.deepEqual({ certificate, key }, pair);
    const secret = cluster.server.storage.get(resourceTypes.secret, 'quiver-system/quiver-authority');
    assert.deepEqual(secret.metadata.labels, { keep: 'me' });
  });

  it('is published once, and again when somebody changed it', async () => {
    await store.publish('BUNDLE');
    const key = 'quiver-system/quiver-authority';
    const version = () => cluster.server.storage.get(resourceTypes.configMap, key).metadata.resourceVersion;
    const before = version();
    await store.publish('BUNDLE');
    assert.equal(version(), before);
    cluster.server.storage.mergePatch(resourceTypes.configMap, key, { data: { 'ca.crt': 'WRONG', other: 'x' } });
    await store.publish('BUNDLE');
    const { data } = cluster.server.storage.get(resourceTypes.configMap, key);
    assert.deepEqual(data, { 'ca.crt': 'BUNDLE', other: 'x' });
  });

  it('is published although somebody else writes at the same moment', async () => {
    const body = JSON.stringify({
      kind: 'Status',
      reason: 'Conflict',
      message: 'the object has been modified',
      code: 409,
    });
    cluster.server.failNext({ status: 409, body }, ({ method }) => method === 'PUT');
    await store.publish('BUNDLE');
    const { data } = cluster.server.storage.get(resourceTypes.configMap, 'quiver-system/quiver-authority');
    assert.deepEqual(data, { 'ca.crt': 'BUNDLE' });
  });

  it('has no place when the chart was not installed', async () => {
    cluster.server.storage.delete(resourceTypes.secret, 'quiver-system/quiver-authority');
    assert.equal(await store.read(), undefined);
  });
});
