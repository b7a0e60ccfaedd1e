import assert from 'node:assert/strict';
import { silentLogger } from '../../logger.ts';
import { Eventually } from '../../testing/eventually.ts';
import type { ApiFailure } from '../client/api-failure.ts';
import { isRecord, type StoredObject } from '../client/kube-object.ts';
import { resourceTypes } from '../resource-type.ts';
import type { FakeApiServerOptions } from '../testing/fake-api-server.ts';
import { type FakeCluster, fakeCluster, passing, settled, tenantOf } from '../testing/fake-cluster.ts';
import { Reflector } from './reflector.ts';
import type { Change } from './store.ts';

interface Kept {
  readonly name: string;
  readonly cidr: string;
}

function project({ metadata, spec }: StoredObject): Kept | undefined {
  const members = isRecord(spec) && Array.isArray(spec['members']) ? spec['members'] : [];
  const cidr = String((members[0] as { cidrs: string[] }).cidrs[0]);
  if (cidr === 'broken') throw new Error('cannot be read');
  return cidr === 'none' ? undefined : { name: metadata.name, cidr };
}

const tenants = resourceTypes.tenant;

describe('reflector', () => {
  let cluster: FakeCluster;
  let reflector: Reflector<Kept>;
  let changes: string[];
  let failures: Eventually<ApiFailure>;

  async function begin(options: FakeApiServerOptions = {}): Promise<void> {
    cluster = await fakeCluster(options);
    failures = new Eventually();
    changes = [];
    reflector = new Reflector({
      ...cluster,
      type: tenants,
      project,
      random: () => 0.5,
      logger: silentLogger(),
      observer: {
        event: () => undefined,
        relisted: () => undefined,
        failed: (_type, failure) => failures.push(failure),
      },
    });
    reflector.store.onChange((change: Change<Kept>) => changes.push(`${change.type} ${change.entry.key}`));
  }

  function synced(): Promise<void> {
    return settled('everything is read', () => reflector.state.isCurrent);
  }

  /** Lets time pass until it has read everything once more. */
  async function readAgain(): Promise<void> {
    const { relists } = reflector.state;
    await passing(cluster.clock, 'everything is read again', () => reflector.state.relists > relists);
  }

  function put(name: string, cidr: string): void {
    const { storage } = cluster.server;
    if (storage.has(tenants, name)) storage.update(tenants, tenantOf(name, cidr));
    else storage.create(tenantOf(name, cidr));
  }

  function kept(): string {
    return reflector.store
      .values()
      .map(({ name, cidr }) => `${name}=${cidr}`)
      .join(' ');
  }

  afterEach(async () => {
    await reflector.stop();
    await cluster.close();
  });

  for (const [how, options] of [
    ['through WatchList', {}],
    ['by pages', { watchList: false }],
  ] as const) {
    it(`reads everything ${how} and then what changes`, async () => {
      await begin(options);
      for (let count = 0; count < 1_203; count += 1) put(`t${count}`, '10.1.0.0/24');
      reflector.start();
      if (options.watchList === false) {
        await failures.first(({ kind }) => kind === 'Invalid');
        await readAgain();
      }
      await synced();
      assert.equal(reflector.store.size, 1_203);
      put('web', '10.2.0.0/24');
      put('t7', '10.3.0.0/24');
      cluster.server.storage.delete(tenants, 't8');
      await settled('the changes arrived', () => !reflector.store.get('t8'));
      assert.deepEqual(changes.slice(-3), ['Added web', 'Updated t7', 'Deleted t8']);
      assert.equal(reflector.state.relists, 1);
    });
  }

  it('falls back to pages where the question for everything is ignored', async () => {
    await begin({ watchList: 'Ignored' });
    put('web', '10.1.0.0/24');
    reflector.start();
    await readAgain();
    assert.equal(failures.seen[0]?.kind, 'TimedOut');
    assert.equal(kept(), 'web=10.1.0.0/24');
  });

  it('goes on from the last version when a watch ends in time, without reading everything', async () => {
    await begin();
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    cluster.clock.advance(60_000);
    cluster.server.watches.end();
    put('db', '10.2.0.0/24');
    await settled('the change arrived', () => reflector.store.size === 2);
    assert.deepEqual([reflector.state.relists, failures.seen.length], [1, 0]);
  });

  const troubles: Readonly<Record<string, readonly [begins: () => Promise<void> | void, kind: string]>> = {
    'a cut connection': [() => cluster.server.cut(), 'Unreachable'],
    'a restart, after which nothing is remembered': [() => cluster.server.restart(), 'Unreachable'],
    'a server that is away': [() => cluster.server.down(), 'Unreachable'],
    'an event that is no JSON': [() => cluster.server.watches.say('{"type":\n'), 'Malformed'],
    'an event without an object': [() => cluster.server.watches.say('{"type":"ADDED"}\n'), 'Malformed'],
    'an event of an unknown type': [() => cluster.server.watches.say('{"type":"X","object":{}}\n'), 'Malformed'],
    'an end in the middle of an event': [
      () => {
        cluster.server.watches.say('{"type":');
        cluster.server.watches.end();
      },
      'Malformed',
    ],
    'an error event': [
      () => cluster.server.watches.say(`{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}\n`),
      'Expired',
    ],
    silence: [() => cluster.server.silence(), 'TimedOut'],
  };
  for (const [what, [trouble, kind]] of Object.entries(troubles)) {
    it(`finds what changed, appeared and went during ${what}`, async () => {
      await begin();
      for (const name of ['stays', 'changes', 'goes', 'returns']) put(name, '10.1.0.0/24');
      reflector.start();
      await synced();
      changes = [];
      await trouble();
      put('changes', '10.2.0.0/24');
      put('comes', '10.3.0.0/24');
      cluster.server.storage.delete(tenants, 'goes');
      cluster.server.storage.delete(tenants, 'returns');
      put('returns', '10.1.0.0/24');
      if (kind === 'TimedOut') cluster.clock.advance(150_000);
      assert.equal((await failures.first((one) => one.kind === kind)).kind, kind);
      assert.equal(reflector.state.isCurrent, false);
      cluster.server.wake();
      await cluster.server.listen();
      await readAgain();
      assert.deepEqual(changes.toSorted(), [
        'Added comes',
        'Added returns',
        'Deleted goes',
        'Deleted returns',
        'Updated changes',
      ]);
      assert.equal(kept(), 'changes=10.2.0.0/24 comes=10.3.0.0/24 returns=10.1.0.0/24 stays=10.1.0.0/24');
    });
  }

  it('waits as long as the server asks for', async () => {
    await begin();
    cluster.server.failNext({ status: 429, retryAfter: '8' });
    reflector.start();
    await failures.first(({ kind }) => kind === 'TooManyRequests');
    cluster.clock.advance(7_999);
    assert.equal(cluster.server.calls.length, 1);
    await readAgain();
  });

  for (const [what, first, most] of [
    ['that is not there', 250, 2_000],
    ['in trouble', 500, 10_000],
  ] as const) {
    it(`waits longer with each failure of a server ${what}, up to ${most / 1000} s`, async () => {
      await begin();
      if (most === 2_000) await cluster.server.down();
      else for (let count = 0; count < 9; count += 1) cluster.server.failNext({ status: 503 });
      const waits: number[] = [];
      const { clock } = cluster;
      reflector.start();
      for (let count = 1; count < 9; count += 1) {
        await settled('it failed', () => failures.seen.length === count);
        const from = clock.now();
        await passing(clock, 'it tries again', () => failures.seen.length > count, 10);
        waits.push(clock.now() - from);
      }
      const wanted = waits.map((_, index) => 0.75 * Math.min(most, first * 2 ** index));
      assert.ok(
        waits.every((wait, index) => wait >= (wanted[index] ?? 0) && wait <= (wanted[index] ?? 0) + 500),
        `${waits.join()} instead of ${wanted.join()}`,
      );
    });
  }

  it('does not take a version of the future for silence that is fine', async () => {
    await begin();
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    // As after a restore of a backup: the server tells of a version that it will not reach for long.
    cluster.server.watches.say(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9000000' } } })}\n`,
    );
    cluster.clock.advance(60_000);
    cluster.server.watches.end();
    await settled(
      'it watches from there',
      () => cluster.server.calls.at(-1)?.query.get('resourceVersion') === '9000000',
    );
    put('db', '10.2.0.0/24');
    await passing(cluster.clock, 'silence is noticed', () => failures.seen.length > 0, 1_000);
    await readAgain();
    assert.equal(kept(), 'db=10.2.0.0/24 web=10.1.0.0/24');
  });

  it('takes bookmarks as a sign of life', async () => {
    await begin();
    reflector.start();
    await synced();
    for (let minute = 0; minute < 5; minute += 1) {
      cluster.clock.advance(120_000);
      cluster.server.watches.bookmark();
      const now = cluster.clock.now();
      await settled('the bookmark arrived', () => reflector.state.lastProgress === now);
    }
    assert.deepEqual([reflector.state.relists, failures.seen.length], [1, 0]);
  });

  it('tells nothing of a change that it does not keep, and keeps the very same value', async () => {
    await begin();
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    const [before] = reflector.store.values();
    const values = reflector.store.values();
    changes = [];
    const labels = { a: 'b' };
    const { metadata } = cluster.server.storage.mergePatch(tenants, 'web', { metadata: { labels } });
    await settled('the version moved', () => reflector.store.get('web')?.resourceVersion === metadata.resourceVersion);
    assert.deepEqual(changes, []);
    assert.equal(reflector.store.values(), values);
    cluster.server.restart();
    await readAgain();
    assert.equal(reflector.store.values()[0], before);
    assert.equal(reflector.store.values(), values);
  });

  it('lets go of an object that is not kept any more', async () => {
    await begin();
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    put('web', 'none');
    await settled('it is gone', () => reflector.store.size === 0);
    assert.deepEqual(changes, ['Added web', 'Deleted web']);
  });

  it('goes on when a listener or a projection throws', async () => {
    await begin();
    reflector.store.onChange(() => {
      throw new Error('boom');
    });
    put('bad', 'broken');
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    put('db', '10.2.0.0/24');
    await settled('the change arrived', () => reflector.store.size === 2);
    put('web', 'broken');
    put('last', '10.3.0.0/24');
    await settled('the last change arrived', () => reflector.store.get('last') !== undefined);
    assert.equal(reflector.store.get('web')?.value.cidr, '10.1.0.0/24');
    assert.equal(failures.seen.length, 0);
  });

  it('keeps what it has while the kind is not installed', async () => {
    await begin();
    put('web', '10.1.0.0/24');
    reflector.start();
    await synced();
    cluster.server.missing.add('tenants.quiver.dev');
    cluster.server.cut();
    await passing(cluster.clock, 'it is told', () => failures.seen.some(({ kind }) => kind === 'KindUnknown'));
    assert.equal(kept(), 'web=10.1.0.0/24');
    assert.equal(reflector.state.failure?.code, 'SchemaMissing');
    cluster.server.missing.clear();
    await readAgain();
    assert.equal(reflector.state.failure, undefined);
  });

  it('reads everything anew from time to time, whatever the watches said', async () => {
    await begin();
    reflector.start();
    await synced();
    const bookmark = async (): Promise<void> => {
      cluster.clock.advance(140_000);
      cluster.server.watches.bookmark();
      const now = cluster.clock.now();
      await settled('the bookmark arrived', () => reflector.state.lastProgress === now);
    };
    let opened = 0;
    reflector.onState(() => (opened += 1));
    for (let round = 1; round <= 7; round += 1) {
      await bookmark();
      await bookmark();
      cluster.server.watches.end();
      await settled('it watches again', () => opened === round);
    }
    assert.equal(reflector.state.relists, 2);
    assert.deepEqual(failures.seen, []);
  });

  it('leaves no connection behind when it stops', async () => {
    await begin();
    reflector.start();
    await synced();
    await reflector.stop();
    await settled('the watch is gone', () => cluster.server.watches.size === 0);
    assert.equal(reflector.state.isCurrent, false);
  });
});
