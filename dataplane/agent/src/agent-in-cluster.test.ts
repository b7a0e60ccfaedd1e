import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type LocalPod, Tenant } from '@quiver/dataplane-api';
import type { Agent } from './agent.ts';
import { AgentBench } from './testing/agent-bench.ts';
import { FakeEngine } from './testing/fake-engine.ts';
import { sampleConfig, sampleSnapshot } from './testing/sample-config.ts';

describe('an agent in a cluster', function () {
  // Files are synchronised to a disk that others use as well.
  this.timeout(15_000);
  const bench = new AgentBench();

  describe('with pods', () => {
    const pod = { uid: 'u1', namespace: 'prod', name: 'web-0', tenant: 'web', addresses: ['10.1.0.7'] };
    const withPods = (...pods: LocalPod[]) => ({ ...sampleConfig(), tenants: [Tenant.create({ name: 'web' })], pods });
    const members = () => bench.engine.config?.tenants[0]?.members.map(({ cidr }) => cidr);

    it('gives the engine their addresses as members of their tenants', async () => {
      await bench.start();
      await bench.operator.hello();
      bench.operator.send(sampleSnapshot(1n, withPods(pod)));
      await bench.operator.ack();
      assert.deepEqual(members(), ['10.1.0.7/32']);
      bench.operator.send(sampleSnapshot(2n, withPods()));
      await bench.operator.ack();
      assert.deepEqual(members(), []);
    });

    it('serves the container runtime, keeps what it said over a restart, and shows it', async () => {
      const cni = { mode: 'Chained', socket: bench.at('cni.sock') } as const;
      const http = { host: '127.0.0.1', port: 0, isRequired: true };
      const agent = await bench.start({ cni, http });
      await bench.operator.hello();
      bench.operator.send(sampleSnapshot(1n, withPods({ ...pod, addresses: [] })));
      await bench.operator.ack();
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
      bench.engine = new FakeEngine();
      await bench.start({ cni });
      await bench.operator.hello();
      bench.operator.send(sampleSnapshot(1n, withPods(pod)));
      await bench.operator.ack();
      assert.deepEqual(members(), ['10.1.0.8/32']);
    });
  });

  describe('that the operator takes off its node', () => {
    const retired = () => ({ ...sampleConfig(), retire: true });
    const confDir = () => bench.at('net.d');
    const binDir = () => bench.at('bin');

    async function startInstalled(): Promise<Agent> {
      await Promise.all([mkdir(confDir()), mkdir(binDir())]);
      await writeFile(bench.at('bin', 'quiver-cni'), '');
      const primary = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge' }] };
      await writeFile(bench.at('net.d', '10-bridge.conflist'), JSON.stringify(primary));
      const socket = bench.at('cni.sock');
      const agent = await bench.start({
        cni: { mode: 'Chained', socket, confDir: confDir(), binDir: binDir() },
        keepDevice: true,
      });
      await bench.operator.hello();
      bench.operator.send(sampleSnapshot(1n));
      await bench.operator.ack();
      const isInstalled = async () => (await readdir(confDir())).includes('00-quiver.conflist');
      for (let turns = 0; !(await isInstalled()); turns += 1) assert.ok(turns < 100_000, 'not installed');
      return agent;
    }

    it('leaves nothing, says so as often as it is asked, and stays ready', async () => {
      const agent = await startInstalled();
      bench.operator.send(sampleSnapshot(2n, retired()));
      assert.equal((await bench.operator.ack()).version, 2n);
      assert.deepEqual(await readdir(confDir()), ['10-bridge.conflist']);
      assert.deepEqual(await readdir(binDir()), []);
      assert.deepEqual(await readdir(bench.at('state')), []);
      assert.deepEqual(bench.engine.stops, [false]);
      assert.equal(agent.notReady, '');
      bench.operator.send(sampleSnapshot(3n, retired()));
      assert.equal((await bench.operator.ack()).version, 3n);
      assert.equal((await bench.status()).ready, true);
      await agent.stop();
      assert.deepEqual(bench.engine.stops, [false]);
      await assert.rejects(stat(bench.at('state')));
    });

    async function startInTheWay(): Promise<Agent> {
      const agent = await startInstalled();
      await rename(confDir(), bench.at('aside'));
      await writeFile(confDir(), '');
      bench.operator.send(sampleSnapshot(2n, retired()));
      const { reasons } = await bench.operator.nack();
      assert.equal(reasons[0]?.code, 'RetirementFailed');
      assert.match(reasons[0].message, /net\.d cannot be read: ENOTDIR/);
      assert.deepEqual(bench.engine.stops, []);
      return agent;
    }

    async function outOfTheWay(): Promise<void> {
      await rm(confDir());
      await rename(bench.at('aside'), confDir());
    }

    it('says what is in the way, tries again by itself, and tells when it is done', async () => {
      const agent = await startInTheWay();
      await outOfTheWay();
      bench.clock.advance(1_000);
      assert.equal((await bench.operator.hello()).digest, '');
      bench.operator.send(sampleSnapshot(2n, retired()));
      assert.equal((await bench.operator.ack()).version, 2n);
      assert.deepEqual(await readdir(confDir()), ['10-bridge.conflist']);
      await agent.stop();
      assert.deepEqual(bench.engine.stops, [false]);
    });

    it('tries again at once when it is asked again', async () => {
      await startInTheWay();
      await outOfTheWay();
      bench.operator.send(sampleSnapshot(3n, retired()));
      assert.equal((await bench.operator.ack()).version, 3n);
    });

    it('ends when it is wanted again after it could not be given up', async () => {
      const agent = await startInTheWay();
      bench.operator.send(sampleSnapshot(3n));
      assert.equal((await agent.failed).code, 'RetirementRevoked');
    });

    it('keeps the plugin configured when it only stops', async () => {
      const agent = await startInstalled();
      await agent.stop();
      assert.equal((await readdir(confDir())).length, 2);
      assert.deepEqual(await readdir(binDir()), ['quiver-cni']);
      assert.deepEqual(bench.engine.stops, [true]);
    });

    it('ends when it is wanted again, to be started anew', async () => {
      const agent = await startInstalled();
      bench.operator.send(sampleSnapshot(2n, retired()));
      await bench.operator.ack();
      bench.operator.send(sampleSnapshot(3n));
      assert.equal((await agent.failed).code, 'RetirementRevoked');
    });
  });
});
