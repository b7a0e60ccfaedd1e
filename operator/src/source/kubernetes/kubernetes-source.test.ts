import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { describeRef } from '../../api/resources.ts';
import { systemClock } from '../../clock.ts';
import type { KubeObject } from '../../kubernetes/client/kube-object.ts';
import { resourceTypes } from '../../kubernetes/resource-type.ts';
import { type FakeCluster, fakeCluster } from '../../kubernetes/testing/fake-cluster.ts';
import { silentLogger } from '../../logger.ts';
import { Eventually } from '../../testing/eventually.ts';
import { crds, resourceYaml, serviceYaml } from '../../testing/example.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts';
import { formatProblem } from '../../translate/problem.ts';
import type { Snapshot } from '../resource-source.ts';
import { objectsOf } from '../snapshot.ts';
import { KubernetesSource } from './kubernetes-source.ts';

const router = `apiVersion: config.quiver.dev/v1alpha1
kind: RouterConfig
fabric: corp
router: cluster-a
kubernetes: {}
`;
const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'prod', name: 'web-1', labels: { app: 'web' } },
  spec: { nodeName: 'node1' },
  status: { podIPs: [{ ip: '10.244.0.5' }] },
};
const node: KubeObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node1' },
  spec: { taints: [{ key: 'x' }] },
};
const owned: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'prod', name: 'db', labels: { 'app.kubernetes.io/managed-by': 'quiver-operator' } },
  spec: { clusterIP: 'None' },
};
const service = { kind: 'Service', namespace: 'prod', name: 'db' } as const;

describe('resources from an API server', () => {
  let cluster: FakeCluster;
  let folder: TemporaryFolder;
  let source: KubernetesSource;
  let snapshots: Eventually<Snapshot>;
  let said: Eventually<string>;

  beforeEach(async () => {
    cluster = await fakeCluster();
    folder = temporaryFolder();
    mkdirSync(join(folder.path, 'secret'));
    folder.write('router.yaml', router);
    folder.write('secret/1', 'a'.repeat(64));
    snapshots = new Eventually();
    said = new Eventually();
    const logger = { ...silentLogger(), error: said.push };
    source = new KubernetesSource({
      client: cluster.client,
      clock: systemClock(),
      random: () => 0.5,
      logger: { ...logger, with: () => logger },
      crds,
      routerFile: join(folder.path, 'router.yaml'),
      secretsFolder: join(folder.path, 'secret'),
    });
    for (const document of parseAllDocuments(resourceYaml))
      cluster.server.storage.create(document.toJS() as KubeObject);
    for (const object of [pod, node, owned]) cluster.server.storage.create(object);
  });

  afterEach(async () => {
    await source.close();
    await cluster.close();
    folder.remove();
  });

  function update(object: KubeObject): void {
    const type = object.kind === 'Pod' ? resourceTypes.pod : resourceTypes.service;
    cluster.server.storage.update(type, object);
  }

  async function first(): Promise<Snapshot> {
    await source.subscribe(snapshots.push);
    const [snapshot] = snapshots.seen;
    assert.ok(snapshot);
    return snapshot;
  }

  it('are all there when the subscription is', async () => {
    const snapshot = await first();
    assert.deepEqual(
      objectsOf(snapshot).map(({ ref, generation }) => `${describeRef(ref)} ${generation}`),
      ['Tenant web.prod 1', 'Service prod/db 1', 'ServiceRoute prod/db 1', 'Peer site-b 1'],
    );
    const { kubernetes } = snapshot;
    assert.deepEqual(
      kubernetes?.pods.map(({ name, node: where }) => [name, where]),
      [['web-1', 'node1']],
    );
    assert.deepEqual(
      kubernetes?.coreServices.map(({ isOwned }) => isOwned),
      [true],
    );
    assert.deepEqual([snapshot.router.router, snapshot.secrets.length], ['cluster-a', 1]);
    assert.deepEqual([snapshot.problems, snapshot.refused], [[], []]);
    assert.equal(snapshot.locate(service, 'spec'), undefined);
    assert.ok(source.isSynced);
    assert.equal(source.obstacle, undefined);
    assert.deepEqual(
      source.watches().map(({ isSynced, restarts }) => isSynced && restarts === 0),
      Array.from({ length: 9 }, () => true),
    );
  });

  it('come anew with each change, and what did not change is the very same', async () => {
    const before = await first();
    update({ ...pod, metadata: { ...pod.metadata, labels: { app: 'other' } } });
    const after = await snapshots.first(({ kubernetes }) => kubernetes?.pods[0]?.labels['app'] === 'other');
    for (const part of [
      'router',
      'secrets',
      'tenants',
      'services',
      'serviceRoutes',
      'peers',
      'refused',
      'problems',
    ] as const) {
      assert.equal(after[part], before[part], part);
    }
    assert.notEqual(after.kubernetes, before.kubernetes);
    for (const part of ['nodes', 'namespaces', 'coreServices', 'endpointSlices'] as const) {
      assert.equal(after.kubernetes?.[part], before.kubernetes?.[part], part);
    }
    update(parse(serviceYaml.replace('5432', '5433')) as KubeObject);
    const last = await snapshots.first(({ services }) => services[0]?.metadata.generation === 2);
    assert.equal(last.kubernetes, after.kubernetes);
    assert.equal(last.tenants, before.tenants);
  });

  it('make no snapshot of a status, and give the status and the held addresses to those who ask', async () => {
    const before = await first();
    const told = new Eventually<string>();
    source.onStored((ref) => told.push(describeRef(ref)));
    const present = cluster.server.storage.get(resourceTypes.service, 'prod/db');
    const status = { addresses: ['198.18.0.7'], conditions: [] };
    const written = cluster.server.storage.update(resourceTypes.service, { ...present, status });
    await told.first((ref) => ref === 'Service prod/db');
    const { uid, resourceVersion } = written.metadata;
    assert.deepEqual(source.stored(service), { uid, resourceVersion, status });
    assert.equal(source.stored({ ...service, name: 'other' }), undefined);
    assert.equal(source.stored({ kind: 'RouterConfig', name: 'x' }), undefined);
    update({ ...pod, metadata: { ...pod.metadata, labels: {} } });
    const after = await snapshots.first((one) => one !== before);
    assert.equal(after.services, before.services);
    assert.deepEqual(after.heldAddresses, new Map([['prod/db', ['198.18.0.7']]]));
    assert.equal(snapshots.seen.length, 2);
  });

  it('keep a refused object as it was, with the generation that was looked at', async () => {
    const before = await first();
    update(parse(serviceYaml.replace('access:', 'acess:')) as KubeObject);
    const after = await snapshots.first(({ problems }) => problems.length > 0);
    assert.match(
      after.problems.map(formatProblem).join('\n'),
      /did you mean "access"\?.*Service prod\/db stays as it was/,
    );
    assert.deepEqual(after.services[0]?.spec, before.services[0]?.spec);
    assert.deepEqual([after.services[0]?.metadata.generation, after.refused], [2, []]);
  });

  it('name an object refused that has no good state', async () => {
    cluster.server.storage.delete(resourceTypes.service, 'prod/db');
    const broken = parse(serviceYaml.replace('5432', '543200')) as KubeObject;
    cluster.server.storage.create(broken);
    update({ ...broken, spec: { ...(broken['spec'] as object), access: [] } });
    const snapshot = await first();
    assert.deepEqual([snapshot.services, snapshot.refused], [[], [service]]);
    assert.ok(snapshot.problems.length > 0);
    assert.deepEqual(
      objectsOf(snapshot).find(({ ref }) => ref.kind === 'Service'),
      { ref: service, generation: 2 },
    );
  });

  it('wait for definitions that are not installed, say so, and come when they are', async () => {
    cluster.server.missing.add('peers.quiver.dev');
    const subscribing = first();
    const wanted =
      'the API server does not know peers.quiver.dev; install the definitions: kubectl apply --server-side -f crds/, or helm install quiver-crds';
    await said.first(() => true);
    assert.deepEqual(said.seen, [wanted]);
    assert.deepEqual(
      [source.obstacle?.code, source.obstacle?.message, source.isSynced],
      ['SchemaMissing', wanted, false],
    );
    assert.deepEqual(snapshots.seen, []);
    cluster.server.missing.clear();
    assert.equal((await subscribing).peers.length, 1);
    assert.equal(source.obstacle, undefined);
  });

  it('stay as they were while the API server is away', async () => {
    const before = await first();
    await cluster.server.down();
    cluster.server.storage.forgetHistory();
    cluster.server.storage.delete(resourceTypes.pod, 'prod/web-1');
    folder.write('router.yaml', `${router}controlPort: 1281\n`);
    const during = await snapshots.first((one) => one.router.controlPort === 1281);
    assert.equal(during.kubernetes, before.kubernetes);
    await cluster.server.listen();
    const after = await snapshots.first(({ kubernetes }) => kubernetes?.pods.length === 0);
    assert.equal(after.services, before.services);
  });

  it('tell of broken settings and keep the good ones', async () => {
    const before = await first();
    folder.write('router.yaml', 'kind: [');
    const after = await snapshots.first(({ problems }) => problems.length > 0);
    assert.equal(after.router, before.router);
    folder.write('secret/2', 'b'.repeat(64));
    const later = await snapshots.first(({ secrets }) => secrets.length === 2);
    assert.equal(later.secrets[0], before.secrets[0]);
  });

  it('are refused when the settings cannot be used', async () => {
    folder.write('router.yaml', 'kind: RouterConfig');
    await assert.rejects(source.subscribe(snapshots.push), /fabric: is missing/);
  });

  it('end for one who still waits when the source is closed', async () => {
    cluster.server.missing.add('peers.quiver.dev');
    const subscribing = source.subscribe(snapshots.push);
    const refused = assert.rejects(subscribing, /install the definitions|ended before/);
    await said.first(() => true);
    await source.close();
    await refused;
  });

  it('make one snapshot of many changes', async () => {
    await first();
    for (let count = 0; count < 500; count += 1) {
      cluster.server.storage.create({ ...pod, metadata: { namespace: 'prod', name: `p${count}` } });
    }
    await snapshots.first(({ kubernetes }) => kubernetes?.pods.length === 501);
    assert.ok(snapshots.seen.length < 20, `${snapshots.seen.length} snapshots`);
  });

  it('give those who write what they need', async () => {
    await first();
    const object = source.ownedObject('Service', 'prod', 'db');
    assert.deepEqual([...source.owned()], [object]);
    assert.equal(source.ownedObject('EndpointSlice', 'prod', 'db'), undefined);
    const told = new Eventually<object>();
    source.onOwned(told.push);
    cluster.server.storage.delete(resourceTypes.coreService, 'prod/db');
    await told.first(() => true);
    assert.deepEqual(told.seen, [service]);
    assert.deepEqual(source.node('node1')?.taints, [{ key: 'x' }]);
    assert.equal(source.node('other'), undefined);
    const { uid } = cluster.server.storage.get(resourceTypes.pod, 'prod/web-1').metadata;
    assert.equal(source.nodeOfPod(uid), 'node1');
    const machines = new Eventually<boolean>();
    const end = source.onMachines(() => machines.push(true));
    cluster.server.storage.delete(resourceTypes.pod, 'prod/web-1');
    await machines.first(() => true);
    end();
    assert.equal(source.nodeOfPod(uid), undefined);
  });
});
