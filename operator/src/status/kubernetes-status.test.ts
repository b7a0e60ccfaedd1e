import assert from 'node:assert/strict';
import type { Condition } from '../conditions/condition.ts';
import type { KubeObject } from '../kubernetes/client/kube-object.ts';
import type { Occurrence } from '../kubernetes/events/event-recorder.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import { type FakeCluster, fakeCluster, passing } from '../kubernetes/testing/fake-cluster.ts';
import { type LogFields, silentLogger } from '../logger.ts';
import { StorageView } from '../testing/storage-view.ts';
import { KubernetesStatus } from './kubernetes-status.ts';
import type { ObjectStatus, StatusReport } from './status-report.ts';

const { service } = resourceTypes;

function quiverService(name: string): KubeObject {
  return {
    apiVersion: 'quiver.dev/v1alpha1',
    kind: 'Service',
    metadata: { namespace: 'prod', name },
    spec: { ports: [{ protocol: 'TCP', port: 5432 }] },
  };
}

function ready(more: Partial<Condition> = {}): Condition {
  const base = { type: 'Ready', status: 'True', reason: 'Ready', message: '' } as const;
  return { ...base, observedGeneration: 1, lastTransitionTime: '2026-01-01T00:00:00.000Z', ...more };
}

function report(sessions: number, condition: Partial<Condition> = {}, names: readonly string[] = ['db']): StatusReport {
  const objects = names.map((name): ObjectStatus => {
    const status = { observedGeneration: 1, sessions, conditions: [ready(condition)] };
    return { kind: 'Service', namespace: 'prod', name, status };
  });
  return { fabric: 'corp', router: 'site-a', nodes: [], objects, problems: [] };
}

describe('status in the API server', () => {
  let cluster: FakeCluster;
  let view: StorageView;
  let status: KubernetesStatus;
  let occurrences: Occurrence[];
  let errors: string[];
  let counted: string[];

  beforeEach(async () => {
    cluster = await fakeCluster();
    view = new StorageView(cluster.server.storage);
    [occurrences, errors, counted] = [[], [], []];
    cluster.server.storage.create(quiverService('db'));
    status = begin();
    status.settle();
  });

  afterEach(async () => {
    await status.close();
    await cluster.close();
  });

  function begin(): KubernetesStatus {
    return new KubernetesStatus({
      client: cluster.client,
      stored: view,
      record: (occurrence) => occurrences.push(occurrence),
      clock: cluster.clock,
      random: () => 0.5,
      logger: { ...silentLogger(), error: (_: string, fields?: LogFields) => errors.push(String(fields?.['reason'])) },
      counted: (result) => counted.push(result),
    });
  }

  function eventually(what: string, isSo: () => boolean): Promise<void> {
    return passing(cluster.clock, what, isSo, 10);
  }

  function stored(name = 'db'): ObjectStatus['status'] | undefined {
    return cluster.server.storage.get(service, `prod/${name}`)['status'] as ObjectStatus['status'] | undefined;
  }

  function writes(): number {
    return cluster.server.calls.filter(({ method }) => method === 'PATCH').length;
  }

  async function write(next: StatusReport): Promise<void> {
    await status.write(next);
    await status.drain();
  }

  it('is applied by its own manager, for the version that was read, in whole seconds', async () => {
    await write(report(3));
    const [call] = cluster.server.calls;
    assert.equal(call?.query.get('fieldManager'), 'quiver-operator-status');
    assert.match(call?.path ?? '', /\/namespaces\/prod\/services\/db\/status$/);
    assert.match(stored()?.conditions[0]?.lastTransitionTime ?? '', /T\d\d:\d\d:\d\dZ$/);
    assert.equal(stored()?.sessions, 3);
  });

  it('is written once, and by no later operator again', async () => {
    await write(report(3));
    await write(report(3));
    await status.close();
    status = begin();
    cluster.clock.advance(3_600_000);
    await write(report(3, { lastTransitionTime: '2026-05-05T00:00:00.000Z' }));
    assert.equal(writes(), 1);
    assert.equal(occurrences.length, 1);
  });

  it('keeps the transition time over a change of the message and over operators', async () => {
    await write(report(3, { status: 'False', reason: 'NoRoute', message: 'one' }));
    const before = stored()?.conditions[0]?.lastTransitionTime;
    await status.close();
    status = begin();
    cluster.clock.advance(3_600_000);
    await write(report(3, { status: 'False', reason: 'NoRoute', message: 'other' }));
    assert.deepEqual(
      [stored()?.conditions[0]?.message, stored()?.conditions[0]?.lastTransitionTime],
      ['other', before],
    );
  });

  it('lets counts wait, and nothing else', async () => {
    await write(report(3));
    await write(report(30));
    assert.equal(stored()?.sessions, 3);
    cluster.clock.advance(30_000);
    await eventually('counts written', () => stored()?.sessions === 30);
    await write(report(60, { status: 'False', reason: 'NoRoute', message: 'no route' }));
    assert.deepEqual([stored()?.sessions, stored()?.conditions[0]?.status], [60, 'False']);
  });

  it('does not call an object Pending that nodes take in a moment', async () => {
    cluster.clock.advance(60_000);
    await write(report(3));
    await write(report(3, { status: 'Unknown', reason: 'Pending' }));
    cluster.clock.advance(1_000);
    await write(report(3, { observedGeneration: 2 }));
    assert.deepEqual([writes(), stored()?.conditions[0]?.status], [2, 'True']);
    await write(report(3, { status: 'Unknown', reason: 'Pending' }));
    await eventually('written', () => stored()?.conditions[0]?.status === 'Unknown');
  });

  it('leaves what was ready alone until nodes had the time to dial, and tells what is wrong at once', async () => {
    await write(report(3));
    cluster.clock.advance(60_000);
    await status.close();
    status = begin();
    cluster.server.storage.create(quiverService('other'));
    const { objects, ...rest } = report(3, { status: 'Unknown', reason: 'Pending' });
    const wrong = report(0, { status: 'False', reason: 'NoRoute', message: 'no route' }, ['other']);
    await write({ ...rest, objects: [...objects, ...wrong.objects] });
    cluster.clock.advance(11_000);
    await status.drain();
    assert.deepEqual([stored()?.conditions[0]?.status, stored('other')?.conditions[0]?.status], ['True', 'False']);
    cluster.clock.advance(1_000);
    await eventually('written', () => stored()?.conditions[0]?.status === 'Unknown');
  });

  it('does not complain about nodes that are about to dial for the first time', async () => {
    await status.close();
    status = begin();
    await write(report(0, { status: 'False', reason: 'NoNodes', message: 'the router has no usable node' }));
    assert.deepEqual([stored(), occurrences], [undefined, []]);
    cluster.clock.advance(12_000);
    await eventually('written', () => stored()?.conditions[0]?.reason === 'NoNodes');
  });

  it('keeps what nodes reported to the former operator until they reported to this one', async () => {
    await write(report(3));
    await status.close();
    status = begin();
    await write(report(0));
    assert.equal(stored()?.sessions, 3);
    await write(report(5));
    status.settle();
    await eventually('written', () => stored()?.sessions === 5);
    assert.equal(writes(), 2);
  });

  it('is repaired when somebody changes it', async () => {
    await write(report(3));
    cluster.server.storage.mergePatch(service, 'prod/db', { status: { address: '1.2.3.4', sessions: 99 } });
    await eventually('written again', () => stored()?.sessions === 3);
  });

  it('never reaches an object that was made anew under the name', async () => {
    view.freeze();
    cluster.server.storage.delete(service, 'prod/db');
    cluster.server.storage.create(quiverService('db'));
    await status.write(report(3));
    await eventually('refused', () => counted.includes('Outdated'));
    assert.equal(stored(), undefined);
    view.thaw();
    await eventually('written for the new one', () => stored()?.sessions === 3);
  });

  it('waits for an object that the cache does not show yet, and forgets one that is gone', async () => {
    await write(report(3, {}, ['db', 'young']));
    cluster.server.storage.create(quiverService('young'));
    await eventually('written', () => stored('young') !== undefined);
    cluster.server.storage.delete(service, 'prod/db');
    await write(report(3, {}, ['young']));
    assert.equal(counted.includes('Failed'), false);
  });

  it('of one object never holds up that of another', async () => {
    cluster.server.storage.create(quiverService('other'));
    for (let round = 0; round < 3; round += 1)
      cluster.server.failNext({ status: 500, body: 'broken' }, ({ path }) => path.includes('/db/'));
    await status.write(report(3, {}, ['db', 'other']));
    await eventually('the other', () => stored('other') !== undefined);
    await eventually('the one', () => stored() !== undefined);
    assert.equal(counted.filter((result) => result === 'Failed').length, 3);
  });

  it('says once that the definitions are too old, and tries again later', async () => {
    const body = JSON.stringify({
      kind: 'Status',
      status: 'Failure',
      message: 'failed to create typed patch object: .status.paths: field not declared in schema',
      code: 500,
    });
    for (let round = 0; round < 2; round += 1) cluster.server.failNext({ status: 500, body });
    cluster.server.storage.create(quiverService('other'));
    await status.write(report(3, {}, ['db', 'other']));
    await eventually('told', () => errors.length > 0);
    await status.drain();
    assert.deepEqual([errors.length, stored()], [1, undefined]);
    assert.match(errors[0] ?? '', /apply the custom resource definitions of this version/);
    await passing(cluster.clock, 'written later', () => stored() !== undefined && stored('other') !== undefined, 5_000);
  });

  it('tells events about the object when a condition changes', async () => {
    await write(report(3, { status: 'False', reason: 'NoRoute', message: 'no route' }));
    await write(report(3));
    assert.deepEqual(
      occurrences.map(({ type, reason, regarding }) => `${type} ${reason} ${regarding.kind} ${regarding.name}`),
      ['Warning NoRoute Service db', 'Normal Ready Service db'],
    );
    assert.equal(occurrences[0]?.regarding.uid, cluster.server.storage.get(service, 'prod/db').metadata.uid);
  });
});
