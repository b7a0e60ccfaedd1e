import assert from 'node:assert/strict';
import { fromUnknown, silentLogger, systemClock } from '@quiver/operator';
import {
  type ApiClient,
  ApiFailure,
  annotateLease,
  EventRecorder,
  findLease,
  LeaseElection,
  pathOf,
  Reflector,
  resourceTypes,
  reviewToken,
} from '@quiver/operator/kubernetes';
import { eventually } from '../harness/eventually.ts';
import { ServerUnderTest } from './server-under-test.ts';

const namespace = 'quiver-system';
const status = {
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: 'all is well',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    },
  ],
};
const asOperator = { fieldManager: 'quiver-operator', force: true };
const asStatus = { fieldManager: 'quiver-operator-status', force: true };

async function failureOf(call: Promise<unknown>): Promise<ApiFailure> {
  const caught: unknown = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(caught instanceof ApiFailure, fromUnknown(caught).message);
  return caught;
}

function tenant(name: string): { apiVersion: string; kind: string; metadata: { name: string }; spec: object } {
  const spec = { members: [{ cidrs: ['10.1.0.0/24'] }] };
  return { apiVersion: 'quiver.dev/v1alpha1', kind: 'Tenant', metadata: { name }, spec };
}

function slice(name: string): { apiVersion: string; kind: string; metadata: { name: string; namespace: string } } {
  const metadata = { name, namespace };
  const rest = { addressType: 'IPv4', endpoints: [{ addresses: ['198.18.0.17'] }], ports: [] };
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ...rest };
}

describe('calls to a real API server', () => {
  let subject: ServerUnderTest;
  let client: ApiClient;

  before(async function () {
    this.timeout(1_200_000);
    subject = await ServerUnderTest.start();
    client = await subject.client();
    await subject.write('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  });

  after(() => subject?.close());

  it('say that a kind is not installed, and find it as soon as it is', async () => {
    const failure = await failureOf(client.list(resourceTypes.tenant, {}));
    assert.deepEqual([failure.kind, failure.code], ['KindUnknown', 'SchemaMissing']);
    const reflector = new Reflector({
      client,
      clock: systemClock(),
      type: resourceTypes.tenant,
      project: ({ metadata }) => metadata.name,
      random: () => 0.5,
      logger: silentLogger(),
    });
    reflector.start();
    await eventually('it is told', () => reflector.state.failure?.code === 'SchemaMissing');
    await subject.installDefinitions();
    await eventually('it is found', () => reflector.state.isCurrent, { within: 30_000 });
    await reflector.stop();
  }).timeout(120_000);

  it('write a status only over the object and version that it was made for', async () => {
    const path = pathOf(resourceTypes.tenant, {});
    const first = await subject.write('POST', path, tenant('web'));
    const written = await client.applyStatus({ ...first, status }, asStatus);
    assert.notEqual(written.metadata.resourceVersion, first.metadata.resourceVersion);
    const again = await client.applyStatus({ ...written, status }, asStatus);
    assert.equal(again.metadata.resourceVersion, written.metadata.resourceVersion);
    assert.equal((await failureOf(client.applyStatus({ ...first, status }, asStatus))).kind, 'Outdated');
    await subject.write('DELETE', `${path}/web`, {});
    await subject.write('POST', path, tenant('web'));
    const failure = await failureOf(client.applyStatus({ ...again, status }, asStatus));
    assert.deepEqual([failure.kind, failure.isConflict], ['Outdated', true]);
  });

  it('recognise definitions that are older than the operator', async () => {
    const [stored] = (await client.list(resourceTypes.tenant, {})).items;
    assert.ok(stored);
    const failure = await failureOf(
      client.applyStatus({ ...stored, status: { ...status, fromTheFuture: 1 } }, asStatus),
    );
    assert.deepEqual([failure.kind, failure.code, failure.isRetryable], ['SchemaOutdated', 'SchemaOutdated', false]);
  });

  it('make, change and delete objects under guard', async () => {
    const made = await client.create(slice('one'));
    assert.equal((await failureOf(client.create(slice('one')))).kind, 'AlreadyExists');
    const ref = { apiVersion: made.apiVersion, kind: made.kind, namespace, name: 'one' };
    const { uid, resourceVersion } = made.metadata;
    const labels = { a: 'b' };
    const changed = await client.mergePatch(ref, { metadata: { labels, resourceVersion } });
    assert.equal(
      (await failureOf(client.mergePatch(ref, { metadata: { labels: {}, resourceVersion } }))).kind,
      'Outdated',
    );
    assert.equal(
      (await failureOf(client.delete(ref, { uid: '0e9f2a6c-1111-4a5b-9c7d-8e0f1a2b3c4d' }))).kind,
      'WrongUid',
    );
    assert.equal((await failureOf(client.delete(ref, { uid, resourceVersion }))).isConflict, true);
    await client.delete(ref, { uid, resourceVersion: changed.metadata.resourceVersion });
    await client.delete(ref);
  });

  it('apply objects, tell who owns a field, and change nothing by an equal apply', async () => {
    const one = await client.apply(slice('two'), asOperator);
    const two = await client.apply(slice('two'), asOperator);
    assert.equal(two.metadata.resourceVersion, one.metadata.resourceVersion);
    const other = { ...slice('two'), endpoints: [{ addresses: ['198.18.0.18'] }] };
    const failure = await failureOf(client.apply(other, { fieldManager: 'other', force: false }));
    assert.deepEqual([failure.kind, failure.fields.includes('.endpoints')], ['Owned', true]);
    const invalid = await failureOf(client.apply({ ...slice('two'), addressType: 'IPv6' }, asOperator));
    assert.equal(invalid.kind, 'Invalid');
  });

  it('count events of one cause', async () => {
    const regarding = { apiVersion: 'quiver.dev/v1alpha1', kind: 'Tenant', name: 'web', uid: 'u1' };
    const clock = { ...systemClock(), now: () => time };
    let time = systemClock().now();
    const timers: (() => void)[] = [];
    const patient = {
      ...clock,
      after: (ms: number, run: () => void) => (ms > 20_000 ? wait(run) : clock.after(ms, run)),
    };
    const wait = (run: () => void) => {
      timers.push(run);
      return { cancel: () => undefined };
    };
    const recorder = new EventRecorder({
      client,
      clock: patient,
      instance: 'quiver-operator-0',
      random: () => 0.5,
      logger: silentLogger(),
    });
    const occurrence = { regarding, type: 'Warning', reason: 'Test', message: 'why', action: 'Try' } as const;
    recorder.record(occurrence);
    await eventually('it is written', () => recorder.waiting === 0);
    recorder.record(occurrence);
    recorder.record(occurrence);
    time += 61_000;
    for (const run of timers) run();
    await eventually('it is counted', () => recorder.waiting === 0);
    assert.equal(recorder.dropped, 0);
    const events = await subject.all(resourceTypes.event);
    const [found, ...others] = events.filter((event) => event['reason'] === 'Test');
    assert.ok(found);
    assert.equal((found['series'] as { count: number }).count, 3);
    assert.deepEqual([found.metadata.namespace, others], ['default', []]);
  });

  it('tell the pod and the node of a bound token', async () => {
    const audience = 'quiver.dev/operator';
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await subject.write('POST', accounts, { metadata: { name: 'quiver-agent' } });
    const node = await subject.write('POST', '/api/v1/nodes', { metadata: { name: 'node1' } });
    const spec = {
      serviceAccountName: 'quiver-agent',
      nodeName: 'node1',
      containers: [{ name: 'agent', image: 'none' }],
      tolerations: [{ operator: 'Exists' }],
    };
    const pod = await subject.write('POST', `/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name: 'agent' },
      spec,
    });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'agent', uid: pod.metadata.uid };
    const ask = async (audiences: readonly string[], bound: object) => {
      const answer = await subject.write('POST', `${accounts}/quiver-agent/token`, { spec: { audiences, ...bound } });
      return (answer as unknown as { status: { token: string } }).status.token;
    };
    const identity = await reviewToken(client, await ask([audience], { boundObjectRef }), audience);
    assert.ok(!('error' in identity), JSON.stringify(identity));
    assert.deepEqual(
      { ...identity, credentialId: '' },
      {
        username: `system:serviceaccount:${namespace}:quiver-agent`,
        podName: 'agent',
        podUid: pod.metadata.uid,
        nodeName: 'node1',
        nodeUid: node.metadata.uid,
        credentialId: '',
      },
    );
    assert.match(identity.credentialId, /^JTI=/);
    const errorOf = async (token: string): Promise<string> => {
      const outcome = await reviewToken(client, token, audience);
      return 'error' in outcome ? outcome.error : 'none';
    };
    assert.match(await errorOf(await ask(['other'], { boundObjectRef })), /invalid for the target audiences/);
    assert.match(await errorOf(await ask([audience], {})), /not bound to a pod/);
    assert.match(await errorOf('nonsense'), /invalid bearer token/);
  });

  it('hold a lease through a crash of the server, and hand it on', async () => {
    const lease = { namespace, name: 'quiver-operator' };
    const told: string[] = [];
    const candidate = (identity: string): LeaseElection => {
      const one = new LeaseElection({
        client,
        lease,
        identity,
        clock: systemClock(),
        random: () => 0.5,
        logger: silentLogger(),
      });
      one.run({
        won: (epoch) => told.push(`${identity} won ${epoch > 0n}`),
        observed: (annotations) => told.push(`${identity} ${Object.keys(annotations).toSorted().join()}`),
        lost: (reason) => told.push(`${identity} lost ${reason}`),
      });
      return one;
    };
    const one = candidate('one');
    await eventually('one leads', () => one.isLeader, { within: 20_000 });
    const two = candidate('two');
    await subject.server.stop('SIGKILL');
    await subject.server.restart();
    await annotateLease(client, lease, { 'quiver.dev/retire': '' });
    await eventually('it is seen', () => told.includes('one quiver.dev/epoch,quiver.dev/retire'));
    await one.annotate({ 'quiver.dev/retired': '0/0' });
    assert.equal((await findLease(client, lease))?.annotations['quiver.dev/retired'], '0/0');
    await one.release();
    await eventually('two leads', () => two.isLeader, { within: 10_000 });
    await client.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...lease });
    await eventually('it is noticed', () => told.includes('two lost the lease was deleted'));
    assert.deepEqual(
      told.filter((line) => /won|lost/.test(line)),
      ['one won true', 'two won true', 'two lost the lease was deleted'],
    );
  }).timeout(120_000);
});
