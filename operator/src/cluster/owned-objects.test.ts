import assert from 'node:assert/strict';
import type { KubeObject } from '../kubernetes/client/kube-object.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { type FakeCluster, fakeCluster, passing } from '../kubernetes/testing/fake-cluster.ts';
import { silentLogger } from '../logger.ts';
import { StorageView } from '../testing/storage-view.ts';
import { contains, OwnedObjects } from './owned-objects.ts';

const { coreService, endpointSlice } = resourceTypes;
const owner = { apiVersion: 'quiver.dev/v1alpha1', kind: 'Service', name: 'db', uid: 'uid-1', controller: true };
const labels = { 'app.kubernetes.io/managed-by': 'quiver-operator' };

function service(port = 5432, more: object = {}): KubeObject {
  const metadata = { namespace: 'prod', name: 'db', labels, ownerReferences: [owner] };
  const spec = { clusterIP: 'None', ports: [{ name: 'tcp', protocol: 'TCP', port }] };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec, ...more };
}

function slice(address = '198.18.0.1'): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'prod', name: 'db-quiver-ipv4', labels, ownerReferences: [owner] },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports: [],
  };
}

describe('objects that the operator keeps in the cluster', () => {
  let cluster: FakeCluster;
  let view: StorageView;
  let owned: OwnedObjects;
  let counted: string[];

  beforeEach(async () => {
    cluster = await fakeCluster();
    view = new StorageView(cluster.server.storage);
    counted = [];
    const { client, clock } = cluster;
    const logger = silentLogger();
    const count = (result: string) => counted.push(result);
    owned = new OwnedObjects({ client, store: view, clock, random: () => 0.5, logger, counted: count });
  });

  afterEach(async () => {
    await owned.close();
    await cluster.close();
  });

  function eventually(what: string, isSo: () => boolean): Promise<void> {
    return passing(cluster.clock, what, isSo);
  }

  function writes(): string[] {
    return cluster.server.calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  }

  function spec(): { readonly ports: readonly { readonly port: number }[] } {
    return cluster.server.storage.get(coreService, 'prod/db')['spec'] as never;
  }

  it('are made, changed and removed, and nothing is written that is so already', async () => {
    owned.want([service(), slice()]);
    await eventually('made', () => cluster.server.storage.has(endpointSlice, 'prod/db-quiver-ipv4'));
    owned.want([service(5433), slice()]);
    await eventually('changed', () => spec().ports[0]?.port === 5433);
    owned.want([service(5433), slice()]);
    owned.want([]);
    await eventually('removed', () => !cluster.server.storage.has(coreService, 'prod/db'));
    await owned.drain();
    assert.equal(writes().length, 5);
  });

  it('come back as they were when somebody changes or deletes them', async () => {
    owned.want([service()]);
    await eventually('made', () => cluster.server.storage.has(coreService, 'prod/db'));
    cluster.server.storage.mergePatch(coreService, 'prod/db', { spec: { ports: [] } });
    await eventually('changed back', () => spec().ports.length === 1);
    cluster.server.storage.delete(coreService, 'prod/db');
    await eventually('made again', () => cluster.server.storage.has(coreService, 'prod/db'));
  });

  it('keep what the API server and others added', async () => {
    cluster.server.storage.create(service());
    const more = { metadata: { annotations: { team: 'a' } }, spec: { internalTrafficPolicy: 'Cluster' } };
    cluster.server.storage.mergePatch(coreService, 'prod/db', more);
    owned.want([service()]);
    await owned.drain();
    assert.deepEqual(writes(), []);
  });

  it('never are those of somebody else, even one made a moment ago', async () => {
    view.freeze();
    const foreign = { ...service(80), metadata: { namespace: 'prod', name: 'db' } };
    cluster.server.storage.create(foreign);
    owned.want([service(), slice()]);
    await eventually('tried', () => cluster.server.storage.has(endpointSlice, 'prod/db-quiver-ipv4'));
    view.thaw();
    await owned.drain();
    owned.want([]);
    await eventually('removed', () => !cluster.server.storage.has(endpointSlice, 'prod/db-quiver-ipv4'));
    await owned.drain();
    assert.equal(spec().ports[0]?.port, 80);
  });

  it('are not recognised by a label alone that somebody copied', async () => {
    const controller = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'x', uid: 'uid-9', controller: true };
    const metadata = { namespace: 'prod', name: 'db', labels, ownerReferences: [controller] };
    cluster.server.storage.create(service(80, { metadata }));
    cluster.server.storage.create({ ...slice(), metadata: { namespace: 'prod', name: 'copied', labels } });
    owned.want([service()]);
    await owned.drain();
    owned.want([]);
    await owned.drain();
    assert.deepEqual(writes(), []);
  });

  it('are left alone before anybody has said what is wanted', async () => {
    cluster.server.storage.create(service());
    cluster.server.storage.mergePatch(coreService, 'prod/db', { metadata: { annotations: { team: 'a' } } });
    cluster.clock.advance(3_600_000);
    await owned.drain();
    assert.deepEqual(writes(), []);
  });

  it('are written once although the API server leaves empty lists out', async () => {
    const { spec: _, ...rest } = service();
    cluster.server.storage.create({ ...rest, spec: { clusterIP: 'None' } });
    owned.want([{ ...rest, spec: { clusterIP: 'None', ports: [] } }]);
    await owned.drain();
    assert.deepEqual(writes(), []);
  });

  it('left from a former operator are removed', async () => {
    cluster.server.storage.create(service());
    owned.want([slice()]);
    await eventually('removed', () => !cluster.server.storage.has(coreService, 'prod/db'));
  });

  it('are tried again when the API server fails, one never holding up another', async () => {
    cluster.server.failNext({ status: 503 }, ({ path }) => path.endsWith('/services'));
    owned.want([service(), slice()]);
    await eventually('the other', () => cluster.server.storage.has(endpointSlice, 'prod/db-quiver-ipv4'));
    await eventually('the one', () => cluster.server.storage.has(coreService, 'prod/db'));
    assert.equal(counted.includes('Failed'), true);
  });

  it('are read again when they changed meanwhile', async () => {
    owned.want([service()]);
    await eventually('made', () => cluster.server.storage.has(coreService, 'prod/db'));
    view.freeze();
    cluster.server.storage.mergePatch(coreService, 'prod/db', { metadata: { annotations: { team: 'a' } } });
    owned.want([service(5433)]);
    await eventually('refused', () => counted.includes('Outdated'));
    assert.equal(spec().ports[0]?.port, 5432);
    view.thaw();
    await eventually('changed', () => spec().ports[0]?.port === 5433);
  });
});

describe('what is wanted of an object', () => {
  it('stands in it when every field that is named is equal, and lists are whole', () => {
    assert.equal(contains({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] } }), true);
    assert.equal(contains({ b: { c: [1, 2] } }, { b: { c: [1] } }), false);
    assert.equal(contains({ b: [{ c: 1, d: 2 }] }, { b: [{ c: 1 }] }), true);
    assert.equal(contains({}, { b: undefined }), true);
    assert.equal(contains(undefined, { b: 1 }), false);
    assert.equal(contains({ b: null }, { b: [], c: [] }), true);
    assert.equal(contains({ b: [1] }, { b: [] }), false);
  });
});
