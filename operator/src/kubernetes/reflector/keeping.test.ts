import assert from 'node:assert/strict';
import { resourceTypes } from '../resource-type.ts';
import { passing, settled } from '../testing/fake-cluster.ts';
import { ReflectorBench } from '../testing/reflector-bench.ts';

const tenants = resourceTypes.tenant;

describe('what a reflector keeps', () => {
  let bench: ReflectorBench;

  afterEach(() => bench.close());

  it('tells nothing of a change that it does not keep, and keeps the very same value', async () => {
    bench = await ReflectorBench.create();
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    const [before] = bench.reflector.store.values();
    const values = bench.reflector.store.values();
    bench.changes = [];
    const labels = { a: 'b' };
    const { metadata } = bench.cluster.server.storage.mergePatch(tenants, 'web', { metadata: { labels } });
    await settled(
      'the version moved',
      () => bench.reflector.store.get('web')?.resourceVersion === metadata.resourceVersion,
    );
    assert.deepEqual(bench.changes, []);
    assert.equal(bench.reflector.store.values(), values);
    bench.cluster.server.restart();
    await bench.readAgain();
    assert.equal(bench.reflector.store.values()[0], before);
    assert.equal(bench.reflector.store.values(), values);
  });

  it('lets go of an object that is not kept any more', async () => {
    bench = await ReflectorBench.create();
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    bench.put('web', 'none');
    await settled('it is gone', () => bench.reflector.store.size === 0);
    assert.deepEqual(bench.changes, ['Added web', 'Deleted web']);
  });

  it('goes on when a listener or a projection throws', async () => {
    bench = await ReflectorBench.create();
    bench.reflector.store.onChange(() => {
      throw new Error('boom');
    });
    bench.put('bad', 'broken');
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    bench.put('db', '10.2.0.0/24');
    await settled('the change arrived', () => bench.reflector.store.size === 2);
    bench.put('web', 'broken');
    bench.put('last', '10.3.0.0/24');
    await settled('the last change arrived', () => bench.reflector.store.get('last') !== undefined);
    assert.equal(bench.reflector.store.get('web')?.value.cidr, '10.1.0.0/24');
    assert.equal(bench.failures.seen.length, 0);
  });

  it('keeps what it has while the kind is not installed', async () => {
    bench = await ReflectorBench.create();
    bench.put('web', '10.1.0.0/24');
    await bench.synced();
    bench.cluster.server.missing.add('tenants.quiver.dev');
    bench.cluster.server.cut();
    await passing(bench.cluster.clock, 'it is told', () =>
      bench.failures.seen.some(({ kind }) => kind === 'KindUnknown'),
    );
    assert.equal(bench.kept(), 'web=10.1.0.0/24');
    assert.equal(bench.reflector.state.failure?.code, 'SchemaMissing');
    bench.cluster.server.missing.clear();
    await bench.readAgain();
    assert.equal(bench.reflector.state.failure, undefined);
  });

  it('reads everything anew from time to time, whatever the watches said', async () => {
    bench = await ReflectorBench.create();
    await bench.synced();
    let opened = 0;
    bench.reflector.onState(() => (opened += 1));
    for (let round = 1; round <= 8; round += 1) {
      await bench.bookmark();
      await bench.bookmark();
      bench.cluster.server.watches.end();
      await settled('it watches again', () => opened === round);
    }
    assert.equal(bench.reflector.state.relists, 2);
    assert.deepEqual(bench.failures.seen, []);
  });

  it('leaves no connection behind when it stops', async () => {
    bench = await ReflectorBench.create();
    await bench.synced();
    await bench.reflector.stop();
    await settled('the watch is gone', () => bench.cluster.server.watches.size === 0);
    assert.equal(bench.reflector.state.isCurrent, false);
  });
});
