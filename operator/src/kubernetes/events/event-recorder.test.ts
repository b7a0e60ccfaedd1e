import assert from 'node:assert/strict';
import { silentLogger } from '../../logger.ts';
import { isRecord, type StoredObject } from '../client/kube-object.ts';
import { resourceTypes } from '../resource-type.ts';
import { type FakeCluster, fakeCluster, passing, settled } from '../testing/fake-cluster.ts';
import { EventRecorder, type Occurrence } from './event-recorder.ts';

const failed: Occurrence = {
  regarding: { apiVersion: 'quiver.dev/v1alpha1', kind: 'Service', namespace: 'prod', name: 'db', uid: 'u1' },
  type: 'Warning',
  reason: 'TenantUnknown',
  message: 'access names tenant x',
  action: 'Translate',
};

describe('event recorder', () => {
  let cluster: FakeCluster;
  let recorder: EventRecorder;

  beforeEach(async () => {
    cluster = await fakeCluster();
    const { client, clock } = cluster;
    recorder = new EventRecorder({
      client,
      clock,
      instance: 'quiver-operator-0',
      random: () => 0.5,
      logger: silentLogger(),
    });
  });

  afterEach(async () => {
    await recorder.close();
    await cluster.close();
  });

  function stored(): readonly StoredObject[] {
    return cluster.server.storage.all(resourceTypes.event);
  }

  function written(): Promise<void> {
    return settled('it is written', () => recorder.waiting === 0);
  }

  function writes(): number {
    return cluster.server.calls.length;
  }

  function series(): unknown {
    const found = stored()[0]?.['series'];
    return isRecord(found) ? found['count'] : undefined;
  }

  it('writes an event on the object', async () => {
    recorder.record(failed);
    await written();
    const [event] = stored();
    assert.equal(event?.metadata.namespace, 'prod');
    assert.match(event?.metadata.name ?? '', /^db\.[0-9a-f]{16}$/);
    assert.deepEqual(
      { ...event, metadata: undefined },
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: undefined,
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'quiver.dev/operator',
        reportingInstance: 'quiver-operator-0',
        action: 'Translate',
        reason: 'TenantUnknown',
        type: 'Warning',
        note: 'access names tenant x',
        regarding: failed.regarding,
      },
    );
  });

  it('writes the same cause once a minute, with a count', async () => {
    for (let second = 0; second < 150; second += 1) {
      recorder.record(failed);
      await written();
      cluster.clock.advance(1_000);
    }
    await passing(cluster.clock, 'the last is counted', () => series() === 150);
    assert.deepEqual([stored().length, writes()], [1, 4]);
  });

  it('writes another message of the same cause as an event of its own, and no sooner', async () => {
    recorder.record(failed);
    await written();
    recorder.record({ ...failed, message: 'access names tenant y' });
    recorder.record({ ...failed, message: 'access names tenant z' });
    cluster.clock.advance(59_000);
    assert.equal(writes(), 1);
    cluster.clock.advance(1_000);
    await written();
    assert.equal(stored().length, 2);
    assert.equal(stored()[1]?.['note'], 'access names tenant z');
  });

  it('tells objects and reasons apart', async () => {
    recorder.record(failed);
    recorder.record({ ...failed, reason: 'Programmed', type: 'Normal' });
    recorder.record({ ...failed, regarding: { ...failed.regarding, uid: 'u2' } });
    recorder.record({ ...failed, regarding: { apiVersion: 'quiver.dev/v1alpha1', kind: 'Peer', name: 'b' } });
    await written();
    assert.deepEqual(
      stored().map(({ metadata }) => metadata.namespace),
      ['prod', 'prod', 'prod', 'default'],
    );
  });

  it('begins a new event when the server has forgotten the old one', async () => {
    recorder.record(failed);
    await written();
    const [{ metadata } = { metadata: { name: '' } }] = stored();
    cluster.server.storage.delete(resourceTypes.event, `prod/${metadata.name}`);
    recorder.record(failed);
    cluster.clock.advance(60_000);
    await written();
    assert.equal(stored().length, 1);
    assert.notEqual(stored()[0]?.metadata.name, metadata.name);
  });

  it('tries again when the server is away, and leaves out what is refused', async () => {
    cluster.server.failNext({ status: 503 });
    recorder.record(failed);
    await passing(cluster.clock, 'it is written', () => stored().length === 1);
    assert.equal(recorder.dropped, 0);
    cluster.server.failNext({ status: 403 });
    recorder.record({ ...failed, reason: 'Other' });
    await written();
    assert.equal(recorder.dropped, 1);
    assert.equal(stored().length, 1);
  });

  it('keeps within its bounds', () => {
    for (let count = 0; count < 5_000; count += 1) recorder.record({ ...failed, reason: `R${count}` });
    assert.ok(recorder.dropped >= 4_000, `${recorder.dropped} left out`);
  });

  it('shortens a message that the server would refuse', async () => {
    recorder.record({ ...failed, message: 'x'.repeat(3_000) });
    await written();
    assert.equal(String(stored()[0]?.['note']).length, 1_024);
  });
});
