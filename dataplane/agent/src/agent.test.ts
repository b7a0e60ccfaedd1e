import assert from 'node:assert/strict';
import { mkdir, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { ConfigOrigin, Counters, Service } from '@quiver/dataplane-api';
import { EngineFault } from '@quiver/engine';
import { LastGood } from './config/last-good.ts';
import { silentLogger } from './logger.ts';
import { AgentBench } from './testing/agent-bench.ts';
import {
  identity,
  sampleCandidate,
  sampleConfig,
  sampleSnapshot,
  serviceWithTargets,
} from './testing/sample-config.ts';

describe('an agent', function () {
  // Files are synchronised to a disk that others use as well.
  this.timeout(15_000);
  const bench = new AgentBench();

  it('introduces itself, applies what it gets and acknowledges it', async () => {
    const agent = await bench.start();
    assert.equal(agent.notReady, 'no configuration is in force yet');
    const hello = await bench.operator.hello();
    assert.deepEqual(hello, { ...identity, agentVersion: '0.1.0', digest: '' });
    bench.operator.send(sampleSnapshot(3n));
    assert.equal((await bench.operator.ack()).version, 3n);
    assert.equal(bench.engine.applied.length, 1);
    assert.equal(agent.notReady, '');
  });

  it('tells the reasons of the engine and goes on with what it had', async () => {
    const agent = await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n));
    await bench.operator.ack();
    const reasons = [{ code: 'DuplicateAddress', field: 'services[prod/db].addresses[0]', message: 'claimed twice' }];
    bench.engine.verdicts.push(reasons);
    bench.operator.send(sampleSnapshot(2n, sampleConfig([Service.create({ name: 'prod/db' })])));
    assert.deepEqual(await bench.operator.nack(), { version: 2n, reasons });
    assert.equal(agent.notReady, '');
    const { config } = await bench.status();
    assert.equal(config?.version, 1n);
    assert.equal(config.rejectedVersion, 2n);
    assert.deepEqual(config.rejected, reasons);
  });

  it('refuses the configuration of another node without asking the engine', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n, sampleConfig([], 'a2')));
    const { reasons } = await bench.operator.nack();
    assert.equal(reasons[0]?.code, 'WrongNode');
    assert.equal(bench.engine.applied.length, 0);
  });

  it('refuses an operator whose leadership is over', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n, sampleConfig(), 9n));
    await bench.operator.ack();
    bench.operator.send(sampleSnapshot(2n, sampleConfig([Service.create({ name: 'old' })]), 8n));
    assert.equal((await bench.operator.nack()).reasons[0]?.code, 'StaleEpoch');
  });

  it('connects again after a waiting time and says what is in force', async () => {
    await bench.start();
    await bench.operator.hello();
    const snapshot = sampleSnapshot(1n);
    bench.operator.send(snapshot);
    await bench.operator.ack();
    const waiting = bench.clock.waiting;
    await bench.operator.hangUp();
    await bench.until(() => bench.clock.waiting > waiting);
    assert.equal((await bench.status()).operatorLink?.connected, false);
    bench.clock.advance(100);
    assert.equal((await bench.operator.hello()).digest, snapshot.digest);
  });

  it('says that its configuration is stale, and how long, while the operator is away', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n));
    await bench.operator.ack();
    const waiting = bench.clock.waiting;
    bench.operator.close();
    await bench.until(() => bench.clock.waiting > waiting);
    bench.clock.advance(90_000);
    const { config, ready } = await bench.status();
    assert.equal(config?.stale, true);
    assert.equal(config.staleMs, 90_000n);
    assert.equal(ready, true);
  });

  it('waits longer when the operator refuses it and keeps the reason', async () => {
    await bench.start();
    await bench.operator.hello();
    const waiting = bench.clock.waiting;
    bench.operator.refuse({ code: 'UnknownNode', message: 'router a has no node a1; its nodes are a2' });
    await bench.until(() => bench.clock.waiting > waiting);
    const { operatorLink } = await bench.status();
    assert.equal(operatorLink?.connected, false);
    assert.match(operatorLink.reason, /has no node a1.*UnknownNode/);
  });

  describe('with a configuration on disk', () => {
    beforeEach(async () => {
      const lastGood = new LastGood(bench.at('state'), silentLogger());
      await lastGood.prepare();
      await lastGood.save(sampleCandidate(5n, sampleConfig([Service.create({ name: 'from/disk' })])), 0);
    });

    it('forwards with it as soon as the operator cannot be reached', async () => {
      bench.operator.close();
      const agent = await bench.start();
      await bench.until(() => agent.notReady === '');
      assert.equal((await bench.status()).config?.stale, true);
      assert.equal(bench.engine.config?.services[0]?.name, 'from/disk');
    });

    it('forwards with it when the operator is reached and says nothing', async () => {
      const agent = await bench.start();
      await bench.operator.hello();
      bench.clock.advance(1_000);
      await bench.until(() => agent.notReady === '');
      const { config } = await bench.status();
      assert.equal(config?.origin, ConfigOrigin.CONFIG_ORIGIN_LAST_GOOD);
      assert.equal(config.version, 5n);
      assert.equal(bench.engine.config?.services[0]?.name, 'from/disk');
      assert.equal(bench.engine.applied[0]?.secrets.length, 1);
    });

    it('leaves it alone when the operator answers in time', async () => {
      await bench.start();
      assert.equal((await bench.operator.hello()).digest, '');
      bench.operator.send(sampleSnapshot(6n));
      await bench.operator.ack();
      bench.clock.advance(1_000);
      await setImmediate();
      assert.equal(bench.engine.applied.length, 1);
      assert.equal(bench.engine.config?.services.length, 0);
    });

    it('replaces it with what the operator sends', async () => {
      await bench.start();
      await bench.operator.hello();
      bench.operator.send(sampleSnapshot(6n));
      await bench.operator.ack();
      const saved = () => new LastGood(bench.at('state'), silentLogger()).load(identity);
      for (let turns = 0; (await saved())?.version !== 6n; turns += 1) assert.ok(turns < 100_000, 'it is not saved');
    });
  });

  it('reports sessions and targets, again only when something changed', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n, sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432])])));
    await bench.operator.ack();
    bench.engine.counters = Counters.create({ sessions: 2n });
    bench.clock.advance(1_000);
    let report = await bench.operator.report();
    while (report.sessions !== 2n) report = await bench.operator.report();
    bench.clock.advance(1_000);
    await bench.status();
    bench.engine.counters = Counters.create({ sessions: 3n });
    bench.clock.advance(1_000);
    await bench.status();
    report = await bench.operator.report();
    assert.equal(report.sessions, 3n);
    assert.deepEqual(
      report.targets.map(({ address, healthy }) => ({ address, healthy })),
      [{ address: '10.0.0.1', healthy: true }],
    );
  });

  it('takes a dead target out of the engine, and puts it back', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.dead.add('10.0.0.1');
    bench.operator.send(sampleSnapshot(1n, sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432])])));
    await bench.operator.ack();
    const isHealthy = () => bench.engine.config?.services[0]?.routes[0]?.targets[0]?.healthy;
    await setImmediate();
    bench.clock.advance(5_000);
    await bench.engine.inForce(() => isHealthy() === false);
    assert.equal((await bench.status()).targets[0]?.healthy, false);
    bench.dead.clear();
    bench.clock.advance(5_000);
    await bench.engine.inForce(() => isHealthy() === true);
  });

  it('tells the machine’s fault when the first configuration cannot be applied', async () => {
    const agent = await bench.start();
    await bench.operator.hello();
    bench.engine.verdicts.push(new EngineFault('KernelRefused', 'nftables is missing; load nf_tables'));
    bench.operator.send(sampleSnapshot(1n));
    assert.equal((await bench.operator.nack()).reasons[0]?.code, 'KernelRefused');
    const failure = await agent.failed;
    assert.equal(failure.code, 'EngineUnusable');
    assert.equal(failure.message, 'nftables is missing; load nf_tables');
  });

  it('connects anew when a fault went away, so that the operator learns what is in force', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(1n));
    await bench.operator.ack();
    bench.engine.verdicts.push(new EngineFault('KernelRefused', 'no memory'));
    const second = sampleSnapshot(2n, sampleConfig([Service.create({ name: 'prod/web' })]));
    bench.operator.send(second);
    await bench.operator.nack();
    bench.clock.advance(5_000);
    assert.equal((await bench.operator.hello()).digest, second.digest);
  });

  it('goes on when it is patient, and says what is in the way', async () => {
    const agent = await bench.start({ isPatient: true });
    await bench.operator.hello();
    bench.engine.verdicts.push(new EngineFault('KernelRefused', 'nftables is missing; load nf_tables'));
    bench.operator.send(sampleSnapshot(1n));
    assert.equal((await bench.operator.nack()).reasons[0]?.code, 'KernelRefused');
    assert.equal(
      agent.notReady,
      'no configuration is in force yet: nftables is missing; load nf_tables (KernelRefused)',
    );
    bench.clock.advance(5_000);
    await bench.until(() => agent.notReady === '');
  });

  it('acknowledges a new leader that says the same, and refuses the former one from then on', async () => {
    await bench.start();
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(3n));
    await bench.operator.ack();
    bench.operator.send(sampleSnapshot(1n, sampleConfig(), 8n));
    assert.equal((await bench.operator.ack()).version, 1n);
    assert.equal(bench.engine.applied.length, 1);
    bench.operator.send(sampleSnapshot(4n));
    assert.equal((await bench.operator.nack()).reasons[0]?.code, 'StaleEpoch');
  });

  it('serves metrics and readiness', async () => {
    const agent = await bench.start({ http: { host: '127.0.0.1', port: 0, isRequired: true } });
    const base = `http://127.0.0.1:${agent.httpPort}`;
    assert.equal((await fetch(`${base}/readyz`)).status, 503);
    await bench.operator.hello();
    bench.operator.send(sampleSnapshot(4n));
    await bench.operator.ack();
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
    const metrics = await (await fetch(`${base}/metrics`)).text();
    assert.match(metrics, /^quiver_config_version 4$/m);
    assert.match(metrics, /^quiver_operator_connected 1$/m);
  });

  it('goes on without metrics when nobody asked for their address', async () => {
    const first = await bench.start({ http: { host: '127.0.0.1', port: 0, isRequired: true } });
    const port = first.httpPort ?? 0;
    const second = await bench.start({
      socket: bench.at('b.sock'),
      http: { host: '127.0.0.1', port, isRequired: false },
    });
    assert.equal(second.httpPort, undefined);
    const third = bench.start({ socket: bench.at('c.sock'), http: { host: '127.0.0.1', port, isRequired: true } });
    await assert.rejects(third, { code: 'AddressUnusable' });
    await assert.rejects(stat(bench.at('c.sock')));
  });

  it('stops the engine, leaves no socket, and may leave the device', async () => {
    await mkdir(bench.at('other'));
    const agent = await bench.start({ keepDevice: true });
    await bench.operator.hello();
    await agent.stop();
    await agent.stop();
    assert.equal(agent.notReady, 'the node is stopping');
    assert.deepEqual(bench.engine.stops, [true]);
    await assert.rejects(stat(bench.at('a.sock')));
    assert.equal(bench.clock.waiting, 0);
  });

  it('shows what the operator in the same process tells', async () => {
    const operatorView = () => ({
      nodes: [],
      objects: [],
      problems: ['web.yaml:3: Service prod/web: spec.ports: empty'],
    });
    await bench.start({}, { operatorView });
    assert.deepEqual((await bench.status()).operatorView?.problems, [
      'web.yaml:3: Service prod/web: spec.ports: empty',
    ]);
  });
});
