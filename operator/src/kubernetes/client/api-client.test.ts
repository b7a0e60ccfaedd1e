import assert from 'node:assert/strict';
import { resourceTypes } from '../resource-type.ts';
import { type FakeCluster, fakeCluster, passing, settled, tenantOf } from '../testing/fake-cluster.ts';
import { ApiFailure } from './api-failure.ts';

const ref = { apiVersion: 'quiver.dev/v1alpha1', kind: 'Tenant', name: 'web' };
const slice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'prod', name: 'db' },
  addressType: 'IPv4',
};
const sliceRef = { apiVersion: slice.apiVersion, kind: slice.kind, namespace: 'prod', name: 'db' };

async function failureOf(call: Promise<unknown>): Promise<ApiFailure> {
  const caught: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(caught instanceof ApiFailure, String(caught));
  return caught;
}

describe('client of the API server', () => {
  let cluster: FakeCluster;

  beforeEach(async () => {
    cluster = await fakeCluster();
  });

  afterEach(() => cluster.close());

  it('applies, reads and deletes an object', async () => {
    const { client, server } = cluster;
    const made = await client.apply(slice, { fieldManager: 'quiver-operator', force: true });
    assert.equal(made.metadata.generation, 1);
    const [call] = server.calls;
    assert.equal(call?.path, '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices/db');
    assert.equal(call?.query.toString(), 'fieldManager=quiver-operator&force=true');
    assert.equal(call?.headers['content-type'], 'application/apply-patch+yaml');
    await client.delete(sliceRef, { uid: made.metadata.uid });
    await client.delete(sliceRef);
    assert.deepEqual(server.storage.all(resourceTypes.endpointSlice), []);
  });

  it('deletes nothing but the object that was meant', async () => {
    const { client, server } = cluster;
    server.storage.create(slice);
    const failure = await failureOf(client.delete(sliceRef, { uid: 'another' }));
    assert.deepEqual([failure.kind, failure.isConflict, failure.status], ['WrongUid', true, 409]);
    assert.equal(server.storage.all(resourceTypes.endpointSlice).length, 1);
  });

  it('writes a status only over the version that it was made for', async () => {
    const { client, server } = cluster;
    const old = server.storage.create(tenantOf('web'));
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    const options = { fieldManager: 'quiver-operator-status', force: true };
    const written = await client.applyStatus({ ...old, status }, options);
    assert.deepEqual(written['status'], status);
    assert.equal(server.calls[0]?.path, '/apis/quiver.dev/v1alpha1/tenants/web/status');
    const failure = await failureOf(client.applyStatus({ ...old, status }, options));
    assert.deepEqual([failure.kind, failure.isConflict], ['Outdated', true]);
  });

  it('tells what exists already', async () => {
    const { client } = cluster;
    const secret = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'quiver-system', name: 'l' },
    };
    await client.create(secret);
    const failure = await failureOf(client.create(secret));
    assert.deepEqual([failure.kind, failure.isAlreadyExists], ['AlreadyExists', true]);
    assert.equal(await client.get({ ...secret, ...secret.metadata, name: 'other' }), undefined);
  });

  for (const [what, fault, kind] of [
    ['a kind that is not installed', { status: 404, body: '404 page not found\n' }, 'KindUnknown'],
    [
      'a definition older than the operator',
      {
        status: 500,
        body: statusBody(
          'failed to create typed patch object (a/b; quiver.dev/v1alpha1, Kind=Tenant): .spec.new: field not declared in schema',
        ),
      },
      'SchemaOutdated',
    ],
    ['a server that asks for patience', { status: 429, retryAfter: '3' }, 'TooManyRequests'],
    ['a missing right', { status: 403, body: statusBody('tenants is forbidden') }, 'Forbidden'],
    [
      'a field of another manager',
      {
        status: 409,
        body: JSON.stringify({
          kind: 'Status',
          reason: 'Conflict',
          message: 'Apply failed',
          details: { causes: [{ reason: 'FieldManagerConflict', field: '.spec.ports' }] },
        }),
      },
      'Owned',
    ],
    ['a broken rule', { status: 422, body: statusBody('spec.members: Required value') }, 'Invalid'],
    ['a server in trouble', { status: 503, body: 'no' }, 'ServerFailed'],
    ['an answer that is no JSON', { status: 200, body: '<html>' }, 'Malformed'],
    ['an answer that is no object', { status: 200, body: '{"kind":"Tenant"}' }, 'Malformed'],
  ] as const) {
    it(`names ${what}`, async () => {
      const { client, server } = cluster;
      server.failNext(fault);
      const failure = await failureOf(client.apply(slice, { fieldManager: 'quiver-operator', force: false }));
      assert.equal(failure.kind, kind);
      assert.equal(failure.retryAfter, 'retryAfter' in fault ? 3000 : undefined);
      assert.match(failure.message, /^patch endpointslices\.discovery\.k8s\.io prod\/db: /);
      assert.deepEqual(failure.fields, kind === 'Owned' ? ['.spec.ports'] : []);
    });
  }

  it('gives a silent call up in time, and the next one succeeds', async () => {
    const { client, server, clock } = cluster;
    server.storage.create(slice);
    await client.delete(sliceRef);
    server.silence();
    let failure: ApiFailure | undefined;
    const call = failureOf(client.apply(slice, { fieldManager: 'quiver-operator', force: true })).then(
      (one) => (failure = one),
    );
    await passing(clock, 'the call is given up', () => failure !== undefined, 1_000);
    await call;
    assert.deepEqual([failure?.kind, failure?.isRetryable], ['TimedOut', true]);
    server.wake();
    await client.apply(slice, { fieldManager: 'quiver-operator', force: true });
  });

  it('names a server that is not there', async () => {
    const { client, server } = cluster;
    await server.down();
    const failure = await failureOf(client.delete(sliceRef));
    assert.equal(failure.kind, 'Unreachable');
    assert.match(failure.message, /ECONNREFUSED/);
  });

  it('makes no call that the chart does not grant', async () => {
    const { client, server } = cluster;
    const elsewhere = { apiVersion: 'v1', kind: 'Secret', namespace: 'prod', name: 'tls' };
    const caught = await failureOf(client.get(elsewhere));
    assert.match(caught.message, /get secrets of group "" in namespace prod is no declared permission/);
    await failureOf(client.delete(ref));
    assert.deepEqual(server.calls, []);
    assert.equal(await client.get({ ...elsewhere, namespace: 'quiver-system' }), undefined);
  });

  it('shares its connections', async () => {
    const { client, server } = cluster;
    for (let count = 0; count < 20; count += 1) await client.delete(sliceRef);
    assert.ok(server.connections <= 2, `${server.connections} connections`);
  });

  it('ends a watch that is not wanted any more', async () => {
    const { client, server } = cluster;
    const watch = await client.watch(resourceTypes.tenant, {});
    await settled('the watch is open', () => server.watches.size === 1);
    watch.close();
    await settled('the watch is gone', () => server.watches.size === 0);
  });
});

function statusBody(message: string): string {
  return JSON.stringify({ kind: 'Status', status: 'Failure', message, reason: 'Whatever' });
}
