import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import {
  AdminServiceClient,
  ConfigOrigin,
  Counters,
  type LocalPod,
  Service,
  type StatusResponse,
  Tenant,
} from '@quiver/dataplane-api';
import { EngineFault } from '@quiver/engine';
import { Agent } from './agent.ts';
import type { AgentDeps, AgentSettings } from './agent-settings.ts';
import { LastGood } from './config/last-good.ts';
import { silentLogger } from './logger.ts';
import { FakeEngine } from './testing/fake-engine.ts';
import { FakeOperator } from './testing/fake-operator.ts';
import { ManualClock } from './testing/manual-clock.ts';
import {
  identity,
  sampleCandidate,
  sampleConfig,
  sampleSnapshot,
  serviceWithTargets,
} from './testing/sample-config.ts';
import { scratchFolder } from './testing/scratch.ts';

describe('an agent', function () {
  // Files are synchronised to a disk that others use as well.
  this.timeout(15_000);
  const folder = scratchFolder();
  let engine: FakeEngine;
  let clock: ManualClock;
  let operator: FakeOperator;
  const agents: Agent[] = [];
  const dead = new Set<string>();

  beforeEach(async () => {
    engine = new FakeEngine();
    clock = new ManualClock();
    dead.clear();
    operator = await FakeOperator.listen(join(folder(), 'operator.sock'));
  });

  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
    operator.close();
  });

  async function start(changed: Partial<AgentSettings> = {}, more: Partial<AgentDeps> = {}): Promise<Agent> {
    const settings: AgentSettings = {
      ...identity,
      operator: { address: `unix:${join(folder(), 'operator.sock')}` },
      stateDir: join(folder(), 'state'),
      socket: join(folder(), 'a.sock'),
      version: '0.1.0',
      keepDevice: false,
      ...changed,
    };
    const probe: AgentDeps['probe'] = ({ address }) => Promise.resolve(!dead.has(address));
    const agent = await Agent.start(settings, {
      engine,
      clock,
      random: () => 0,
      logger: silentLogger(),
      probe,
      ...more,
    });
    agents.push(agent);
    return agent;
  }

  async function status(): Promise<StatusResponse> {
    const client = new AdminServiceClient(`unix:${join(folder(), 'a.sock')}`, credentials.createInsecure());
    try {
      return await new Promise((resolve, reject) => {
        client.status({}, (error, response) => (error === null ? resolve(response) : reject(error)));
      });
    } finally {
      client.close();
    }
  }

  /** Waits, without time, for what the event loop still has to do. */
  async function until(holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns += 1) {
      assert.ok(turns < 3_000_000, 'it does not happen');
      await setImmediate();
    }
  }

  it('introduces itself, applies what it gets and acknowledges it', async () => {
    const agent = await start();
    assert.equal(agent.notReady, 'no configuration is in force yet');
    const hello = await operator.hello();
    assert.deepEqual(hello, { ...identity, agentVersion: '0.1.0', digest: '' });
    operator.send(sampleSnapshot(3n));
    assert.equal((await operator.ack()).version, 3n);
    assert.equal(engine.applied.length, 1);
    assert.equal(agent.notReady, '');
  });

  it('tells the reasons of the engine and goes on with what it had', async () => {
    const agent = await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n));
    await operator.ack();
    const reasons = [{ code: 'DuplicateAddress', field: 'services[prod/db].addresses[0]', message: 'claimed twice' }];
    engine.verdicts.push(reasons);
    operator.send(sampleSnapshot(2n, sampleConfig([Service.create({ name: 'prod/db' })])));
    assert.deepEqual(await operator.nack(), { version: 2n, reasons });
    assert.equal(agent.notReady, '');
    const { config } = await status();
    assert.equal(config?.version, 1n);
    assert.equal(config.rejectedVersion, 2n);
    assert.deepEqual(config.rejected, reasons);
  });

  it('refuses the configuration of another node without asking the engine', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n, sampleConfig([], 'a2')));
    const { reasons } = await operator.nack();
    assert.equal(reasons[0]?.code, 'WrongNode');
    assert.equal(engine.applied.length, 0);
  });

  it('refuses an operator whose leadership is over', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n, sampleConfig(), 9n));
    await operator.ack();
    operator.send(sampleSnapshot(2n, sampleConfig([Service.create({ name: 'old' })]), 8n));
    assert.equal((await operator.nack()).reasons[0]?.code, 'StaleEpoch');
  });

  it('connects again after a waiting time and says what is in force', async () => {
    await start();
    await operator.hello();
    const snapshot = sampleSnapshot(1n);
    operator.send(snapshot);
    await operator.ack();
    const waiting = clock.waiting;
    await operator.hangUp();
    await until(() => clock.waiting > waiting);
    assert.equal((await status()).operatorLink?.connected, false);
    clock.advance(100);
    assert.equal((await operator.hello()).digest, snapshot.digest);
  });

  it('says that its configuration is stale, and how long, while the operator is away', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n));
    await operator.ack();
    const waiting = clock.waiting;
    operator.close();
    await until(() => clock.waiting > waiting);
    clock.advance(90_000);
    const { config, ready } = await status();
    assert.equal(config?.stale, true);
    assert.equal(config.staleMs, 90_000n);
    assert.equal(ready, true);
  });

  it('waits longer when the operator refuses it and keeps the reason', async () => {
    await start();
    await operator.hello();
    const waiting = clock.waiting;
    operator.refuse({ code: 'UnknownNode', message: 'router a has no node a1; its nodes are a2' });
    await until(() => clock.waiting > waiting);
    const { operatorLink } = await status();
    assert.equal(operatorLink?.connected, false);
    assert.match(operatorLink.reason, /has no node a1.*UnknownNode/);
  });

  describe('with a configuration on disk', () => {
    beforeEach(async () => {
      const lastGood = new LastGood(join(folder(), 'state'), silentLogger());
      await lastGood.prepare();
      await lastGood.save(sampleCandidate(5n, sampleConfig([Service.create({ name: 'from/disk' })])), 0);
    });

    it('forwards with it as soon as the operator cannot be reached', async () => {
      operator.close();
      const agent = await start();
      await until(() => agent.notReady === '');
      assert.equal((await status()).config?.stale, true);
      assert.equal(engine.config?.services[0]?.name, 'from/disk');
    });

    it('forwards with it when the operator is reached and says nothing', async () => {
      const agent = await start();
      await operator.hello();
      clock.advance(1_000);
      await until(() => agent.notReady === '');
      const { config } = await status();
      assert.equal(config?.origin, ConfigOrigin.CONFIG_ORIGIN_LAST_GOOD);
      assert.equal(config.version, 5n);
      assert.equal(engine.config?.services[0]?.name, 'from/disk');
      assert.equal(engine.applied[0]?.secrets.length, 1);
    });

    it('leaves it alone when the operator answers in time', async () => {
      await start();
      assert.equal((await operator.hello()).digest, '');
      operator.send(sampleSnapshot(6n));
      await operator.ack();
      clock.advance(1_000);
      await setImmediate();
      assert.equal(engine.applied.length, 1);
      assert.equal(engine.config?.services.length, 0);
    });

    it('replaces it with what the operator sends', async () => {
      await start();
      await operator.hello();
      operator.send(sampleSnapshot(6n));
      await operator.ack();
      const saved = () => new LastGood(join(folder(), 'state'), silentLogger()).load(identity);
      for (let turns = 0; (await saved())?.version !== 6n; turns += 1) assert.ok(turns < 100_000, 'it is not saved');
    });
  });

  it('reports sessions and targets, again only when something changed', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n, sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432])])));
    await operator.ack();
    engine.counters = Counters.create({ sessions: 2n });
    clock.advance(1_000);
    let report = await operator.report();
    while (report.sessions !== 2n) report = await operator.report();
    clock.advance(1_000);
    await status();
    engine.counters = Counters.create({ sessions: 3n });
    clock.advance(1_000);
    await status();
    report = await operator.report();
    assert.equal(report.sessions, 3n);
    assert.deepEqual(
      report.targets.map(({ address, healthy }) => ({ address, healthy })),
      [{ address: '10.0.0.1', healthy: true }],
    );
  });

  it('takes a dead target out of the engine, and puts it back', async () => {
    await start();
    await operator.hello();
    dead.add('10.0.0.1');
    operator.send(sampleSnapshot(1n, sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432])])));
    await operator.ack();
    const isHealthy = () => engine.config?.services[0]?.routes[0]?.targets[0]?.healthy;
    await setImmediate();
    clock.advance(5_000);
    await engine.inForce(() => isHealthy() === false);
    assert.equal((await status()).targets[0]?.healthy, false);
    dead.clear();
    clock.advance(5_000);
    await engine.inForce(() => isHealthy() === true);
  });

  it('tells the machine’s fault when the first configuration cannot be applied', async () => {
    const agent = await start();
    await operator.hello();
    engine.verdicts.push(new EngineFault('KernelRefused', 'nftables is missing; load nf_tables'));
    operator.send(sampleSnapshot(1n));
    assert.equal((await operator.nack()).reasons[0]?.code, 'KernelRefused');
    const failure = await agent.failed;
    assert.equal(failure.code, 'EngineUnusable');
    assert.equal(failure.message, 'nftables is missing; load nf_tables');
  });

  it('connects anew when a fault went away, so that the operator learns what is in force', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(1n));
    await operator.ack();
    engine.verdicts.push(new EngineFault('KernelRefused', 'no memory'));
    const second = sampleSnapshot(2n, sampleConfig([Service.create({ name: 'prod/web' })]));
    operator.send(second);
    await operator.nack();
    clock.advance(5_000);
    assert.equal((await operator.hello()).digest, second.digest);
  });

  it('goes on when it is patient, and says what is in the way', async () => {
    const agent = await start({ isPatient: true });
    await operator.hello();
    engine.verdicts.push(new EngineFault('KernelRefused', 'nftables is missing; load nf_tables'));
    operator.send(sampleSnapshot(1n));
    assert.equal((await operator.nack()).reasons[0]?.code, 'KernelRefused');
    assert.equal(
      agent.notReady,
      'no configuration is in force yet: nftables is missing; load nf_tables (KernelRefused)',
    );
    clock.advance(5_000);
    await until(() => agent.notReady === '');
  });

  it('acknowledges a new leader that says the same, and refuses the former one from then on', async () => {
    await start();
    await operator.hello();
    operator.send(sampleSnapshot(3n));
    await operator.ack();
    operator.send(sampleSnapshot(1n, sampleConfig(), 8n));
    assert.equal((await operator.ack()).version, 1n);
    assert.equal(engine.applied.length, 1);
    operator.send(sampleSnapshot(4n));
    assert.equal((await operator.nack()).reasons[0]?.code, 'StaleEpoch');
  });

  describe('with pods', () => {
    const pod = { uid: 'u1', namespace: 'prod', name: 'web-0', tenant: 'web', addresses: ['10.1.0.7'] };
    const withPods = (...pods: LocalPod[]) => ({ ...sampleConfig(), tenants: [Tenant.create({ name: 'web' })], pods });
    const members = () => engine.config?.tenants[0]?.members.map(({ cidr }) => cidr);

    it('gives the engine their addresses as members of their tenants', async () => {
      await start();
      await operator.hello();
      operator.send(sampleSnapshot(1n, withPods(pod)));
      await operator.ack();
      assert.deepEqual(members(), ['10.1.0.7/32']);
      operator.send(sampleSnapshot(2n, withPods()));
      await operator.ack();
      assert.deepEqual(members(), []);
    });

    it('serves the container runtime, keeps what it said over a restart, and shows it', async () => {
      const cni = { mode: 'Chained', socket: join(folder(), 'cni.sock') } as const;
      const http = { host: '127.0.0.1', port: 0, isRequired: true };
      const agent = await start({ cni, http });
      await operator.hello();
      operator.send(sampleSnapshot(1n, withPods({ ...pod, addresses: [] })));
      await operator.ack();
      const env = { CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_ARGS: 'K8S_POD_UID=u1' };
      const config = { mode: 'Chained', prevResult: { ips: [{ address: '10.1.0.8/24' }] } };
      const connection = connect(cni.socket);
      connection.end(`${JSON.stringify({ command: 'ADD', env, config })}\n`);
      assert.equal(await text(connection), '{}\n');
      assert.deepEqual(members(), ['10.1.0.8/32']);
      const metrics = await (await fetch(`http://127.0.0.1:${agent.httpPort}/metrics`)).text();
      assert.match(metrics, /^quiver_dataplane_cni_requests_total\{command="ADD",result="ok"\} 1$/m);
      assert.match(metrics, /^quiver_dataplane_cni_pods 1$/m);
      await agent.stop();
      engine = new FakeEngine();
      await start({ cni });
      await operator.hello();
      operator.send(sampleSnapshot(1n, withPods(pod)));
      await operator.ack();
      assert.deepEqual(members(), ['10.1.0.8/32']);
    });
  });

  describe('that the operator takes off its node', () => {
    const retired = () => ({ ...sampleConfig(), retire: true });
    const confDir = () => join(folder(), 'net.d');
    const binDir = () => join(folder(), 'bin');

    async function startInstalled(): Promise<Agent> {
      await Promise.all([mkdir(confDir()), mkdir(binDir())]);
      await writeFile(join(binDir(), 'quiver-cni'), '');
      const primary = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge' }] };
      await writeFile(join(confDir(), '10-bridge.conflist'), JSON.stringify(primary));
      const socket = join(folder(), 'cni.sock');
      const agent = await start({
        cni: { mode: 'Chained', socket, confDir: confDir(), binDir: binDir() },
        keepDevice: true,
      });
      await operator.hello();
      operator.send(sampleSnapshot(1n));
      await operator.ack();
      for (let turns = 0; (await readdir(confDir())).length < 2; turns += 1)
        assert.ok(turns < 100_000, 'not installed');
      return agent;
    }

    it('leaves nothing, says so as often as it is asked, and stays ready', async () => {
      const agent = await startInstalled();
      operator.send(sampleSnapshot(2n, retired()));
      assert.equal((await operator.ack()).version, 2n);
      assert.deepEqual(await readdir(confDir()), ['10-bridge.conflist']);
      assert.deepEqual(await readdir(binDir()), []);
      assert.deepEqual(await readdir(join(folder(), 'state')), []);
      assert.deepEqual(engine.stops, [false]);
      assert.equal(agent.notReady, '');
      operator.send(sampleSnapshot(3n, retired()));
      assert.equal((await operator.ack()).version, 3n);
      assert.equal((await status()).ready, true);
      await agent.stop();
      assert.deepEqual(engine.stops, [false]);
      await assert.rejects(stat(join(folder(), 'state')));
    });

    it('keeps the plugin configured when it only stops', async () => {
      const agent = await startInstalled();
      await agent.stop();
      assert.equal((await readdir(confDir())).length, 2);
      assert.deepEqual(await readdir(binDir()), ['quiver-cni']);
      assert.deepEqual(engine.stops, [true]);
    });

    it('ends when it is wanted again, to be started anew', async () => {
      const agent = await startInstalled();
      operator.send(sampleSnapshot(2n, retired()));
      await operator.ack();
      operator.send(sampleSnapshot(3n));
      assert.equal((await agent.failed).code, 'RetirementRevoked');
    });
  });

  it('serves metrics and readiness', async () => {
    const agent = await start({ http: { host: '127.0.0.1', port: 0, isRequired: true } });
    const base = `http://127.0.0.1:${agent.httpPort}`;
    assert.equal((await fetch(`${base}/readyz`)).status, 503);
    await operator.hello();
    operator.send(sampleSnapshot(4n));
    await operator.ack();
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
    const metrics = await (await fetch(`${base}/metrics`)).text();
    assert.match(metrics, /^quiver_config_version 4$/m);
    assert.match(metrics, /^quiver_operator_connected 1$/m);
  });

  it('goes on without metrics when nobody asked for their address', async () => {
    const first = await start({ http: { host: '127.0.0.1', port: 0, isRequired: true } });
    const port = first.httpPort ?? 0;
    const second = await start({
      socket: join(folder(), 'b.sock'),
      http: { host: '127.0.0.1', port, isRequired: false },
    });
    assert.equal(second.httpPort, undefined);
    const third = start({ socket: join(folder(), 'c.sock'), http: { host: '127.0.0.1', port, isRequired: true } });
    await assert.rejects(third, { code: 'AddressUnusable' });
    await assert.rejects(stat(join(folder(), 'c.sock')));
  });

  it('stops the engine, leaves no socket, and may leave the device', async () => {
    await mkdir(join(folder(), 'other'));
    const agent = await start({ keepDevice: true });
    await operator.hello();
    await agent.stop();
    await agent.stop();
    assert.equal(agent.notReady, 'the node is stopping');
    assert.deepEqual(engine.stops, [true]);
    await assert.rejects(stat(join(folder(), 'a.sock')));
    assert.equal(clock.waiting, 0);
  });

  it('shows what the operator in the same process tells', async () => {
    const operatorView = () => ({
      nodes: [],
      objects: [],
      problems: ['web.yaml:3: Service prod/web: spec.ports: empty'],
    });
    await start({}, { operatorView });
    assert.deepEqual((await status()).operatorView?.problems, ['web.yaml:3: Service prod/web: spec.ports: empty']);
  });
});
