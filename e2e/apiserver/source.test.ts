import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrds, type Snapshot, silentLogger, systemClock } from '@quiver/operator';
import {
  type ApiClient,
  ApiFailure,
  EventRecorder,
  type KubeObject,
  pathOf,
  resourceTypes,
  reviewToken,
} from '@quiver/operator/kubernetes';
import { KubernetesSource } from '@quiver/operator/kubernetes-source';
import { eventually, now } from '../harness/eventually.ts';
import { grantDeclared } from './rights.ts';
import { ServerUnderTest } from './server-under-test.ts';

const namespace = 'quiver-system';
const router = `apiVersion: config.quiver.dev/v1alpha1
kind: RouterConfig
fabric: corp
router: cluster-a
kubernetes: {}
`;

function service(name: string): KubeObject {
  const spec = { ports: [{ protocol: 'TCP', port: 5432 }], access: [{ tenant: 'web' }] };
  return { apiVersion: 'quiver.dev/v1alpha1', kind: 'Service', metadata: { namespace: 'prod', name }, spec };
}

function route(name: string): KubeObject {
  const spec = { service: name, peers: [{ name: 'site-b' }] };
  return { apiVersion: 'quiver.dev/v1alpha1', kind: 'ServiceRoute', metadata: { namespace: 'prod', name }, spec };
}

function pod(name: string): KubeObject {
  const spec = { serviceAccountName: 'default', containers: [{ name: 'app', image: 'none' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'prod', name, labels: { app: 'web' } }, spec };
}

describe('resources from a real API server', () => {
  let subject: ServerUnderTest;
  let client: ApiClient;
  let folder: string;
  let source: KubernetesSource | undefined;
  let snapshots: Snapshot[];

  before(async function () {
    this.timeout(1_200_000);
    folder = mkdtempSync(join(tmpdir(), 'quiver-source-'));
    mkdirSync(join(folder, 'secret'));
    writeFileSync(join(folder, 'router.yaml'), router);
    writeFileSync(join(folder, 'secret/1'), 'a'.repeat(64));
    subject = await ServerUnderTest.start();
    for (const name of [namespace, 'prod']) await subject.write('POST', '/api/v1/namespaces', { metadata: { name } });
    await subject.write('POST', '/api/v1/namespaces/prod/serviceaccounts', { metadata: { name: 'default' } });
    await grantDeclared(subject, { namespace, name: 'quiver-operator' });
    client = await subject.clientAs({ namespace, name: 'quiver-operator' });
  });

  afterEach(() => source?.close());

  after(async () => {
    await subject?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function begin(): Promise<unknown> {
    const one = new KubernetesSource({
      client,
      clock: systemClock(),
      random: () => 0.5,
      logger: silentLogger(),
      crds: loadCrds(),
      routerFile: join(folder, 'router.yaml'),
      secretsFolder: join(folder, 'secret'),
    });
    source = one;
    snapshots = [];
    return one.subscribe((snapshot) => snapshots.push(snapshot));
  }

  function latest(): Snapshot {
    const snapshot = snapshots.at(-1);
    assert.ok(snapshot);
    return snapshot;
  }

  async function put(object: KubeObject): Promise<void> {
    const type = Object.values(resourceTypes).find(
      (one) => one.kind === object.kind && (one.group === '') === (object.apiVersion === 'v1'),
    );
    assert.ok(type);
    await subject.write('POST', pathOf(type, { namespace: object.metadata.namespace }), object);
  }

  it('wait for the definitions, with the rights of the chart alone', async () => {
    const subscribing = begin();
    await eventually('the obstacle is known', () => source?.obstacle?.code === 'SchemaMissing');
    await subject.installDefinitions();
    await subscribing;
    assert.deepEqual([latest().services, latest().problems, latest().router.router], [[], [], 'cluster-a']);
    assert.ok(latest().kubernetes?.namespaces.some(({ name }) => name === 'prod'));
  }).timeout(120_000);

  it('are seen soon after they were written', async () => {
    await begin();
    const times: number[] = [];
    for (let count = 0; count < 50; count += 1) {
      const began = now();
      await put(service(`quick-${count}`));
      await eventually('it is seen', () => latest().services.length > count, { every: 1 });
      times.push(now() - began);
    }
    times.sort((one, other) => one - other);
    console.log(`      write to snapshot: ${times[25]?.toFixed(0)} ms median, ${times[49]?.toFixed(0)} ms at most`);
    assert.ok((times[25] ?? 0) < 5_000);
  }).timeout(60_000);

  it('every declared right is enough for its call', async () => {
    await begin();
    const status = { conditions: [] };
    const asStatus = { fieldManager: 'quiver-operator-status', force: true };
    const [stored] = (await client.list(resourceTypes.service, {})).items;
    assert.ok(stored);
    await client.applyStatus({ ...stored, status }, asStatus);
    for (const type of [resourceTypes.tenant, resourceTypes.serviceRoute, resourceTypes.peer]) {
      const { items } = await client.list(type, {});
      assert.deepEqual(items, []);
      const absent = { ...stored, kind: type.kind, metadata: { ...stored.metadata, name: 'absent' }, status };
      // Authorised, and then there is nothing to write to.
      const failure: unknown = await client.applyStatus(absent, asStatus).catch((caught: unknown) => caught);
      assert.ok(
        failure instanceof ApiFailure && ['NotFound', 'Outdated', 'Refused'].includes(failure.kind),
        String(failure),
      );
    }
    const core = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'prod', name: 'own' },
      spec: { clusterIP: 'None', ports: [{ port: 1 }] },
    };
    const made = await client.create(core);
    const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'prod', name: 'own' };
    await client.mergePatch(ref, { metadata: { labels: { a: 'b' } } });
    await client.delete(ref, { uid: made.metadata.uid });
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name: 'own' },
      addressType: 'IPv4',
      endpoints: [],
    };
    await client.apply(slice, { fieldManager: 'quiver-operator', force: true });
    await client.delete({ ...slice, ...slice.metadata });
    await subject.write('POST', '/api/v1/nodes', { metadata: { name: 'node9' } });
    await client.mergePatch({ apiVersion: 'v1', kind: 'Node', name: 'node9' }, { spec: { taints: null } });
    for (const kind of ['Secret', 'ConfigMap']) {
      const metadata = { namespace, name: 'quiver-authority' };
      await subject.write('POST', `/api/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, { metadata });
      const held = await client.get({ apiVersion: 'v1', kind, ...metadata });
      assert.ok(held);
      await client.replace({ ...held, apiVersion: 'v1', kind });
    }
    const recorder = new EventRecorder({
      client,
      clock: systemClock(),
      instance: 'x',
      random: () => 0.5,
      logger: silentLogger(),
    });
    const regarding = { apiVersion: stored.apiVersion, kind: 'Service', namespace: 'prod', name: stored.metadata.name };
    recorder.record({ regarding, type: 'Normal', reason: 'Test', message: 'why', action: 'Try' });
    await recorder.close();
    assert.equal(recorder.dropped, 0);
    assert.ok('error' in (await reviewToken(client, 'nonsense', 'quiver.dev/operator')));
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace, name: 'own' },
      spec: {},
    };
    await client.replace(await client.create(lease));
    await client.delete({ ...lease, ...lease.metadata });
  }).timeout(60_000);

  it('hold a thousand services and routes and five thousand pods', async () => {
    const wanted = [
      ...Array.from({ length: 1_000 }, (_, index) => [service(`s${index}`), route(`s${index}`)]).flat(),
      ...Array.from({ length: 5_000 }, (_, index) => pod(`p${index}`)),
    ];
    const next = wanted.values();
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        for (const object of next) await put(object);
      }),
    );
    const times: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      await source?.close();
      const began = now();
      const { user, system } = process.cpuUsage();
      await begin();
      const used = process.cpuUsage({ user, system });
      times.push(
        `${(now() - began).toFixed(0)} ms (${((used.user + used.system) / 1000).toFixed(0)} of the processor)`,
      );
    }
    assert.deepEqual(
      [latest().services.length, latest().serviceRoutes.length, latest().kubernetes?.pods.length],
      [1_050, 1_000, 5_000],
    );
    const before = latest();
    await subject.server.stop('SIGKILL');
    await subject.server.restart();
    const back = now();
    await eventually('all was read again', () => source?.watches().every(({ restarts }) => restarts > 0), {
      within: 60_000,
    });
    console.log(
      `      read in ${times.join(', ')}; again ${(now() - back).toFixed(0)} ms after the server was ready; ` +
        `${Math.round(process.memoryUsage().rss / 1024 / 1024)} MiB resident with this test`,
    );
    assert.equal(latest(), before);
  }).timeout(300_000);
});
