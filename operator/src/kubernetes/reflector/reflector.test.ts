import assert from 'node:assert/strict';
import { passing, settled } from '../testing/fake-cluster.ts';
import { ReflectorBench } from '../testing/reflector-bench.ts';

describe('reflector', () => {
  let bench: ReflectorBench;

  afterEach(() => bench.close());

  for (const [how, options] of [
    ['through WatchList', {}],
    ['by pages', { watchList: false }],
  ] as const) {
    it(`reads everything ${how} and then what changes`, async () => {
      bench = await ReflectorBench.create(options);
      for (let count = 0; count < 1_203; count += 1) bench.put(`t${count}`, '10.1.0.0/24');
      bench.reflector.start();
      if (options.watchList === false) {
        await bench.failures.first(({ kind }) => kind === 'Invalid');
        await bench.readAgain();
      }
      await bench.synced();
      assert.equal(bench.reflector.store.size, 1_203);
      bench.put('web', '10.2.0.0/24');
      bench.put('t7', '10.3.0.0/24');
      bench.delete('t8');
      await settled('the changes arrived', () => !bench.reflector.store.get('t8'));
      assert.deepEqual(bench.changes.slice(-3), ['Added web', 'Updated t7', 'Deleted t8']);
      assert.equal(bench.reflector.state.relists, 1);
    });
  }

  it('falls back to pages where the question for everything is ignored', async () => {
    bench = await ReflectorBench.create({ watchList: 'Ignored' });
    bench.put('web', '10.1.0.0/24');
    bench.reflector.start();
    await bench.readAgain();
    assert.equal(bench.failures.seen[0]?.kind, 'TimedOut');
    assert.equal(bench.kept(), 'web=10.1.0.0/24');
  });

  it('goes on from the last version when a watch ends in time, without reading everything', async () => {
    bench = await ReflectorBench.create();
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    bench.cluster.clock.advance(60_000);
    bench.cluster.server.watches.end();
    bench.put('db', '10.2.0.0/24');
    await settled('the change arrived', () => bench.reflector.store.size === 2);
    assert.deepEqual([bench.reflector.state.relists, bench.failures.seen.length], [1, 0]);
  });

  const troubles: Readonly<Record<string, readonly [begins: () => Promise<void> | void, kind: string]>> = {
    'a cut connection': [() => bench.cluster.server.cut(), 'Unreachable'],
    'a restart, after which nothing is remembered': [() => bench.cluster.server.restart(), 'Unreachable'],
    'a server that is away': [() => bench.cluster.server.down(), 'Unreachable'],
    'an event that is no JSON': [() => bench.cluster.server.watches.say('{"type":\n'), 'Malformed'],
    'an event without an object': [() => bench.cluster.server.watches.say('{"type":"ADDED"}\n'), 'Malformed'],
    'an event of an unknown type': [() => bench.cluster.server.watches.say('{"type":"X","object":{}}\n'), 'Malformed'],
    'an end in the middle of an event': [
      () => {
        bench.cluster.server.watches.say('{"type":');
        bench.cluster.server.watches.end();
      },
      'Malformed',
    ],
    'an error event': [
      () =>
        bench.cluster.server.watches.say(`{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}\n`),
      'Expired',
    ],
    silence: [() => bench.cluster.server.silence(), 'TimedOut'],
  };
  for (const [what, [trouble, kind]] of Object.entries(troubles)) {
    it(`finds what changed, appeared and went during ${what}`, async () => {
      bench = await ReflectorBench.create();
      for (const name of ['stays', 'changes', 'goes', 'returns']) bench.put(name, '10.1.0.0/24');
      await bench.synced();
      bench.changes = [];
      await trouble();
      bench.put('changes', '10.2.0.0/24');
      bench.put('comes', '10.3.0.0/24');
      bench.delete('goes');
      bench.delete('returns');
      bench.put('returns', '10.1.0.0/24');
      if (kind === 'TimedOut') bench.cluster.clock.advance(150_000);
      assert.equal((await bench.failures.first((one) => one.kind === kind)).kind, kind);
      assert.equal(bench.reflector.state.isCurrent, false);
      bench.cluster.server.wake();
      await bench.cluster.server.listen();
      await bench.readAgain();
      assert.deepEqual(bench.changes.toSorted(), [
        'Added comes',
        'Added returns',
        'Deleted goes',
        'Deleted returns',
        'Updated changes',
      ]);
      assert.equal(bench.kept(), 'changes=10.2.0.0/24 comes=10.3.0.0/24 returns=10.1.0.0/24 stays=10.1.0.0/24');
    });
  }

  it('waits as long as the server asks for', async () => {
    bench = await ReflectorBench.create();
    bench.cluster.server.failNext({ status: 429, retryAfter: '8' });
    bench.reflector.start();
    await bench.failures.first(({ kind }) => kind === 'TooManyRequests');
    bench.cluster.clock.advance(7_999);
    assert.equal(bench.cluster.server.calls.length, 1);
    await bench.readAgain();
  });

  for (const [what, first, most] of [
    ['that is not there', 250, 2_000],
    ['in trouble', 500, 10_000],
  ] as const) {
    it(`waits longer with each failure of a server ${what}, up to ${most / 1000} s`, async () => {
      bench = await ReflectorBench.create();
      if (most === 2_000) await bench.cluster.server.down();
      else for (let count = 0; count < 9; count += 1) bench.cluster.server.failNext({ status: 503 });
      const waits: number[] = [];
      const { clock } = bench.cluster;
      bench.reflector.start();
      for (let count = 1; count < 9; count += 1) {
        await settled('it failed', () => bench.failures.seen.length === count);
        const from = clock.now();
        await passing(clock, 'it tries again', () => bench.failures.seen.length > count, 10);
        waits.push(clock.now() - from);
      }
      const wanted = waits.map((_, index) => 0.75 * Math.min(most, first * 2 ** index));
      assert.ok(
        waits.every((wait, index) => wait >= (wanted[index] ?? 0) && wait <= (wanted[index] ?? 0) + 500),
        `${waits.join()} instead of ${wanted.join()}`,
      );
    });
  }

  it('asks soon again when a server that was away for long is there and not ready yet', async () => {
    bench = await ReflectorBench.create();
    const { clock, server } = bench.cluster;
    await server.down();
    bench.reflector.start();
    await passing(clock, 'it was away for long', () => bench.failures.seen.length > 20);
    server.failNext({ status: 503 });
    await server.listen();
    await passing(clock, 'it is not ready', () => bench.failures.seen.at(-1)?.kind === 'ServerFailed', 10);
    const from = clock.now();
    await passing(clock, 'everything is read', () => bench.reflector.state.isCurrent, 10);
    assert.ok(clock.now() - from < 1_000, `${clock.now() - from} ms`);
  });

  it('does not take a version of the future for silence that is fine', async () => {
    bench = await ReflectorBench.create();
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    // As after a restore of a backup: the server tells of a version that it will not reach for long.
    bench.cluster.server.watches.say(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9000000' } } })}\n`,
    );
    bench.cluster.clock.advance(60_000);
    bench.cluster.server.watches.end();
    await settled(
      'it watches from there',
      () => bench.cluster.server.calls.at(-1)?.query.get('resourceVersion') === '9000000',
    );
    bench.put('db', '10.2.0.0/24');
    await passing(bench.cluster.clock, 'silence is noticed', () => bench.failures.seen.length > 0, 1_000);
    await bench.readAgain();
    assert.equal(bench.kept(), 'db=10.2.0.0/24 web=10.1.0.0/24');
  });

  it('takes bookmarks as a sign of life', async () => {
    bench = await ReflectorBench.create();
    await bench.synced();
    for (let minute = 0; minute < 5; minute += 1) {
      await bench.bookmark();
    }
    assert.deepEqual([bench.reflector.state.relists, bench.failures.seen.length], [1, 0]);
  });
});
