import assert from 'node:assert/strict';
import { silentLogger } from '../../logger.ts';
import { isRecord } from '../client/kube-object.ts';
import { resourceTypes } from '../resource-type.ts';
import { type FakeCluster, fakeCluster, passing, settled } from '../testing/fake-cluster.ts';
import { annotateLease, findLease } from './annotate-lease.ts';
import { LeaseElection } from './lease-election.ts';
import { type Annotations, nextEpoch } from './lease-record.ts';

const lease = { namespace: 'quiver-system', name: 'quiver-operator' };
const leases = resourceTypes.lease;
const key = 'quiver-system/quiver-operator';

/** One replica, and what it was told. */
class Candidate {
  readonly told: string[] = [];
  annotations: Annotations = {};
  epoch = 0n;
  readonly election: LeaseElection;

  constructor({ client, clock }: FakeCluster, identity: string) {
    this.election = new LeaseElection({ client, clock, lease, identity, random: () => 0.5, logger: silentLogger() });
    this.election.run({
      won: (epoch) => {
        this.epoch = epoch;
        this.told.push('won');
      },
      observed: (annotations) => (this.annotations = annotations),
      lost: (reason) => this.told.push(`lost: ${reason}`),
    });
  }
}

describe('lease election', () => {
  let cluster: FakeCluster;
  let candidates: Candidate[];

  beforeEach(async () => {
    cluster = await fakeCluster();
    candidates = [];
  });

  afterEach(async () => {
    cluster.server.wake();
    await cluster.server.listen();
    await Promise.all(candidates.map(({ election }) => election.release()));
    await cluster.close();
  });

  function candidate(identity: string): Candidate {
    const one = new Candidate(cluster, identity);
    candidates.push(one);
    return one;
  }

  async function leader(identity: string): Promise<Candidate> {
    const one = candidate(identity);
    await settled('it leads', () => one.election.isLeader);
    return one;
  }

  function spec(): Record<string, unknown> {
    const { spec: found } = cluster.server.storage.get(leases, key);
    assert.ok(isRecord(found));
    return found;
  }

  /** Lets time pass in steps in which every call gets its answer. */
  async function pass(milliseconds: number): Promise<void> {
    const end = cluster.clock.now() + milliseconds;
    await passing(cluster.clock, 'time passed', () => cluster.clock.now() >= end, 20);
  }

  it('makes the lease, renews it, and writes times with six digits', async () => {
    const one = await leader('one');
    const { acquireTime, renewTime, holderIdentity, leaseDurationSeconds } = spec();
    assert.deepEqual([holderIdentity, leaseDurationSeconds, renewTime], ['one', 15, acquireTime]);
    assert.match(String(renewTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await pass(5_000);
    assert.notEqual(spec()['renewTime'], renewTime);
    assert.deepEqual([one.told, one.epoch], [['won'], BigInt(Date.parse('2026-01-01T00:00:00Z'))]);
  });

  it('has one leader, and the next one as soon as it gives the lease back', async () => {
    const one = await leader('one');
    const two = candidate('two');
    await pass(60_000);
    assert.deepEqual([two.told, two.election.holder], [[], 'one']);
    await one.election.release();
    assert.equal(spec()['holderIdentity'], '');
    await passing(cluster.clock, 'two leads', () => two.election.isLeader, 20);
    assert.ok(two.epoch > one.epoch);
    assert.deepEqual([one.told, two.told, spec()['leaseTransitions']], [['won'], ['won'], 1]);
  });

  it('takes a lease over only after it did not change for its time here, whatever its times say', async () => {
    const { storage } = cluster.server;
    const old = { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };
    const metadata = { ...lease, annotations: { 'quiver.dev/epoch': '99999999999999' } };
    storage.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: old });
    const two = candidate('two');
    await pass(14_000);
    assert.equal(two.election.isLeader, false);
    await pass(4_000);
    assert.deepEqual([two.election.isLeader, two.epoch], [true, 100_000_000_000_000n]);
  });

  it('takes its own lease up again at once after a restart, with a higher epoch', async () => {
    const one = await leader('one');
    await one.election.release();
    cluster.server.storage.mergePatch(leases, key, { spec: { holderIdentity: 'one', leaseDurationSeconds: 15 } });
    const again = await leader('one');
    assert.ok(again.epoch > one.epoch);
    assert.equal(spec()['leaseTransitions'], 0);
  });

  it('stops before anybody else may begin when the server is silent', async () => {
    const one = await leader('one');
    const began = cluster.clock.now();
    cluster.server.silence();
    await passing(cluster.clock, 'it noticed', () => one.told.length > 1);
    assert.deepEqual(one.told, ['won', 'lost: no renewal within 10 s']);
    assert.ok(cluster.clock.now() - began <= 10_100, `${cluster.clock.now() - began} ms`);
    assert.equal(one.election.isLeader, false);
    await assert.rejects(one.election.annotate({ a: 'b' }), /do not lead/);
  });

  it('goes on through failures that end in time', async () => {
    const one = await leader('one');
    for (let round = 0; round < 5; round += 1) {
      for (const status of [500, 429, 503]) cluster.server.failNext({ status });
      await pass(9_000);
    }
    await cluster.server.down();
    await pass(5_000);
    await cluster.server.listen();
    await pass(20_000);
    assert.deepEqual(one.told, ['won']);
  });

  it('ends when another holds the lease', async () => {
    const one = await leader('one');
    cluster.server.storage.mergePatch(leases, key, { spec: { holderIdentity: 'thief' } });
    await passing(cluster.clock, 'it noticed', () => one.told.length > 1);
    assert.deepEqual(one.told, ['won', 'lost: the lease was taken by thief']);
    await pass(30_000);
    assert.equal(spec()['holderIdentity'], 'thief');
  });

  it('ends when the lease is deleted, and does not make it anew while Quiver is taken away', async () => {
    const one = await leader('one');
    const two = candidate('two');
    await pass(3_000);
    await annotateLease(cluster.client, lease, { 'quiver.dev/retire': '' });
    await pass(5_000);
    assert.equal(one.annotations['quiver.dev/retire'], '');
    await one.election.annotate({ 'quiver.dev/retired': '2/2' }).catch(() => undefined);
    cluster.server.storage.delete(leases, key);
    await pass(60_000);
    assert.deepEqual([one.told, two.told], [['won', 'lost: the lease was deleted'], []]);
    assert.equal(await findLease(cluster.client, lease), undefined);
  }).timeout(20_000);

  it('writes annotations at once, and keeps what others wrote', async () => {
    const one = await leader('one');
    await annotateLease(cluster.client, lease, { 'quiver.dev/retire': '1', gone: 'x' });
    const before = cluster.clock.now();
    await Promise.all([
      one.election.annotate({ 'quiver.dev/retired': '1/2' }),
      one.election.annotate({ gone: undefined }),
    ]);
    assert.equal(cluster.clock.now(), before);
    const { annotations } = cluster.server.storage.get(leases, key).metadata;
    const wanted = { 'quiver.dev/epoch': String(one.epoch), 'quiver.dev/retire': '1', 'quiver.dev/retired': '1/2' };
    assert.deepEqual({ ...annotations }, wanted);
    assert.deepEqual({ ...one.annotations }, wanted);
  });

  it('writes an annotation that is asked for while another is being written', async () => {
    const one = await leader('one');
    const first = one.election.annotate({ first: '1' });
    const { length } = cluster.server.calls;
    await settled('the first is under way', () => cluster.server.calls.length > length);
    await Promise.all([first, one.election.annotate({ second: '2' })]);
    const { annotations } = cluster.server.storage.get(leases, key).metadata;
    assert.deepEqual([annotations?.['first'], annotations?.['second']], ['1', '2']);
  });

  it('lets exactly one of many lead through any trouble', async () => {
    const many = ['a', 'b', 'c', 'd'].map(candidate);
    const leading = (): Candidate[] => many.filter(({ election }) => election.isLeader);
    for (let round = 0; round < 6; round += 1) {
      await passing(cluster.clock, 'one leads', () => leading().length > 0);
      for (let step = 0; step < 40; step += 1) {
        await pass(200);
        assert.ok(leading().length <= 1);
      }
      const [first] = leading();
      if (round % 2 === 0) cluster.server.cut();
      else await first?.election.release();
    }
    const epochs = many.filter(({ told }) => told[0] === 'won').map(({ epoch }) => epoch);
    assert.equal(new Set(epochs).size, epochs.length);
    assert.ok(epochs.length >= 3);
  }).timeout(30_000);
});

describe('epoch of a leadership', () => {
  it('is higher than the one before, even when the clock is behind', () => {
    assert.equal(nextEpoch({}, 1_000), 1_000n);
    assert.equal(nextEpoch({ 'quiver.dev/epoch': '5' }, 1_000), 1_000n);
    assert.equal(nextEpoch({ 'quiver.dev/epoch': '1000' }, 1_000), 1_001n);
    assert.equal(nextEpoch({ 'quiver.dev/epoch': 'nonsense' }, 1_000), 1_000n);
  });
});
