import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { Service } from '@quiver/dataplane-api';
import { EngineFault } from '@quiver/engine';
import { silentLogger } from '../logger.ts';
import { FakeEngine } from '../testing/fake-engine.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { sampleCandidate, sampleConfig } from '../testing/sample-config.ts';
import { Configuration } from './configuration.ts';

const rejected = { code: 'PoolOverlap', field: 'servicePool[0]', message: 'overlaps the return pool' };

function make(engine = new FakeEngine()) {
  const clock = new ManualClock();
  const settled: string[] = [];
  const configuration = new Configuration({
    engine,
    clock,
    logger: silentLogger(),
    adapt: (config) => config,
    applied: () => undefined,
    settled: ({ version }, { kind }) => {
      settled.push(`${version} ${kind}`);
      return Promise.resolve();
    },
  });
  return { engine, clock, settled, configuration };
}

describe('bringing configurations into force', () => {
  it('hands the secrets to the engine with the configuration', async () => {
    const { configuration, engine } = make();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    assert.equal(engine.applied[0]?.secrets[0]?.secretId, 'fabric-secret-1');
    assert.equal(configuration.inForce?.candidate.version, 1n);
  });

  it('leaves out what was overtaken while it waited', async () => {
    const { configuration, settled } = make();
    for (const version of [1n, 2n, 3n]) configuration.offer(sampleCandidate(version));
    await configuration.idle();
    assert.deepEqual(settled, ['1 accepted', '3 accepted']);
  });

  it('goes on with the former configuration when one is rejected, and does not try it again', async () => {
    const { configuration, engine, settled, clock } = make();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    engine.verdicts.push([rejected]);
    configuration.offer(sampleCandidate(2n, sampleConfig([Service.create({ name: 'prod/db' })])));
    await configuration.idle();
    clock.advance(60_000);
    await configuration.idle();
    assert.deepEqual(settled, ['1 accepted', '2 rejected']);
    assert.equal(configuration.inForce?.candidate.version, 1n);
    assert.deepEqual(configuration.refused, { version: 2n, reasons: [rejected] });
  });

  it('does not trouble the engine with what is in force already', async () => {
    const { configuration, engine, settled, clock } = make();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    const since = clock.now();
    clock.advance(1_000);
    configuration.offer({ ...sampleCandidate(2n), epoch: 8n });
    await configuration.idle();
    assert.equal(engine.applied.length, 1);
    assert.deepEqual(settled, ['1 accepted', '2 accepted']);
    assert.equal(configuration.inForce?.candidate.epoch, 8n);
    assert.equal(configuration.inForce?.since, since);
  });

  it('tries again after a fault of the machine', async () => {
    const { configuration, engine, settled, clock } = make();
    engine.verdicts.push(new EngineFault('KernelRefused', 'nftables: no such file'));
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    assert.equal(configuration.refused?.reasons[0]?.code, 'KernelRefused');
    clock.advance(5_000);
    await configuration.idle();
    assert.deepEqual(settled, ['1 fault', '1 accepted']);
    assert.equal(configuration.refused, undefined);
  });

  it('does not try a faulty configuration again once a newer one came', async () => {
    const { configuration, engine, settled, clock } = make();
    engine.verdicts.push(new Error('busy'));
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    configuration.offer(sampleCandidate(2n));
    clock.advance(60_000);
    await configuration.idle();
    assert.deepEqual(settled, ['1 fault', '2 accepted']);
  });

  it('applies the same configuration again when the health of targets changed', async () => {
    const { configuration, engine, settled } = make();
    configuration.refresh();
    await configuration.idle();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    configuration.refresh();
    await configuration.idle();
    assert.equal(engine.applied.length, 2);
    assert.deepEqual(settled, ['1 accepted']);
  });

  it('tries the health of targets again when the engine refused it', async () => {
    const { configuration, engine, clock } = make();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    engine.verdicts.push(new Error('busy'));
    configuration.refresh();
    await configuration.idle();
    clock.advance(5_000);
    await configuration.idle();
    assert.equal(engine.applied.length, 2);
  });

  for (let turns = 0; turns < 12; turns += 1) {
    it(`loses no change that comes ${turns} turns after a configuration`, async () => {
      const { configuration, engine } = make();
      configuration.offer(sampleCandidate(1n));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      configuration.refresh();
      await setImmediate();
      assert.equal(engine.applied.length, 2);
    });
  }

  it('takes nothing more after it was closed', async () => {
    const { configuration, engine } = make();
    await configuration.close();
    configuration.offer(sampleCandidate(1n));
    await configuration.idle();
    assert.equal(engine.applied.length, 0);
  });
});
