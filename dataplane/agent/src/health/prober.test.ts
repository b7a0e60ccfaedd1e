import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { NodeConfig } from '@quiver/dataplane-api';
import { silentLogger } from '../logger.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { sampleConfig, serviceWithTargets } from '../testing/sample-config.ts';
import type { ProbeOrder } from './probe.ts';
import { Prober } from './prober.ts';

/** Lets what was answered be taken in. */
const settle = () => setImmediate();

function make() {
  const clock = new ManualClock();
  const orders: ProbeOrder[] = [];
  const dead = new Set<string>();
  let changes = 0;
  const prober = new Prober({
    clock,
    logger: silentLogger(),
    probe: (order) => {
      orders.push(order);
      return Promise.resolve(!dead.has(order.address));
    },
    changed: () => {
      changes += 1;
    },
  });
  return { clock, orders, dead, prober, changes: () => changes };
}

function healthOf(config: NodeConfig): boolean[] {
  return config.services.flatMap(({ routes }) =>
    routes.flatMap(({ targets }) => targets.map(({ healthy }) => healthy)),
  );
}

const config = sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432], ['10.0.0.2', 5432])]);

describe('probing the targets of routes', () => {
  it('asks each target at once and then at every interval', async () => {
    const { prober, orders, clock } = make();
    prober.follow(config);
    await settle();
    clock.advance(5_000);
    assert.deepEqual(
      orders.map(({ address, port, kind }) => `${kind} ${address} ${port}`),
      ['TCP 10.0.0.1 5432', 'TCP 10.0.0.2 5432', 'TCP 10.0.0.1 5432', 'TCP 10.0.0.2 5432'],
    );
  });

  it('takes a target out after its failures and back after its success', async () => {
    const { prober, dead, clock, changes } = make();
    dead.add('10.0.0.2');
    prober.follow(config);
    await settle();
    assert.deepEqual(healthOf(prober.adapt(config)), [true, true]);
    clock.advance(5_000);
    await settle();
    assert.deepEqual(healthOf(prober.adapt(config)), [true, false]);
    dead.clear();
    clock.advance(5_000);
    await settle();
    assert.deepEqual(healthOf(prober.adapt(config)), [true, true]);
    assert.equal(changes(), 2);
  });

  it('remembers what it found when another part of the configuration changes', async () => {
    const { prober, dead, clock } = make();
    dead.add('10.0.0.1');
    prober.follow(config);
    await settle();
    clock.advance(5_000);
    await settle();
    const next = sampleConfig([...config.services, serviceWithTargets('prod/web', ['10.0.0.9', 80])]);
    prober.follow(next);
    assert.deepEqual(healthOf(prober.adapt(next)), [false, true, true]);
  });

  it('asks no target any more that the configuration does not name', async () => {
    const { prober, orders, clock } = make();
    prober.follow(config);
    prober.follow(sampleConfig());
    await settle();
    clock.advance(60_000);
    assert.equal(orders.length, 2);
    assert.equal(clock.waiting, 0);
  });

  it('leaves targets alone whose port only the client knows', () => {
    const { prober, orders } = make();
    prober.follow(sampleConfig([serviceWithTargets('prod/any', ['10.0.0.1', 0])]));
    assert.deepEqual(orders, []);
  });

  it('does not call a target healthy that the operator calls dead', () => {
    const { prober } = make();
    const [service] = config.services;
    const dead = structuredClone(service!);
    dead.routes[0]!.targets[0]!.healthy = false;
    const told = sampleConfig([dead]);
    prober.follow(told);
    assert.deepEqual(healthOf(prober.adapt(told)), [false, true]);
  });

  it('asks nobody after it was stopped', () => {
    const { prober, clock } = make();
    prober.follow(config);
    prober.stop();
    assert.equal(clock.waiting, 0);
  });
});
