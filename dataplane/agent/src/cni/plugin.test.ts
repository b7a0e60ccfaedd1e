import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { type LocalPod, NodeConfig, Tenant } from '@quiver/dataplane-api';
import { AddressPool } from '../ipam/address-pool.ts';
import { silentLogger } from '../logger.ts';
import { Pods } from '../pods/pods.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { scratchFolder } from '../testing/scratch.ts';
import type { CniAnswer } from './answer.ts';
import { CniPlugin } from './plugin.ts';
import { type CniListening, serveCni } from './server.ts';

const web: LocalPod = { uid: 'u1', namespace: 'prod', name: 'web-0', tenant: 'web', addresses: [] };
const result = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: '/run/netns/x' }],
  ips: [
    { address: '10.1.0.7/24', interface: 2, gateway: '10.1.0.1' },
    { address: 'FD00:0::7/64', interface: 2 },
  ],
};

describe('the CNI plugin in the agent', function () {
  this.timeout(15_000);
  const folder = scratchFolder();
  let clock: ManualClock;
  let pods: Pods;
  let config: NodeConfig | undefined;
  let isAway: boolean;
  let isEngineStuck: boolean;
  let obstacle: string;
  let plugin: CniPlugin;
  let listening: CniListening;
  const socket = () => join(folder(), 'cni.sock');

  beforeEach(() => {
    config = undefined;
    isAway = false;
    isEngineStuck = false;
    obstacle = '';
    clock = new ManualClock();
    pods = new Pods({ folder: folder(), clock, logger: silentLogger(), changed: () => apply() });
  });

  afterEach(() => listening.close());

  function apply(): void {
    if (config !== undefined && !isEngineStuck) pods.applied(pods.adapt(config));
  }

  /** What the operator says; the engine takes it at once. */
  function say(...list: LocalPod[]): void {
    const podNetwork = { ownCidrs: ['10.244.1.0/29', 'fd00:1::/120'], routes: [], mtu: 1_400, masquerade: true };
    config = NodeConfig.create({ pods: list, tenants: [Tenant.create({ name: 'web' })], podNetwork });
    apply();
  }

  async function start(mode: 'Chained' | 'Primary' = 'Chained'): Promise<void> {
    plugin = new CniPlugin({
      mode,
      pods,
      pool: new AddressPool(folder(), silentLogger()),
      logger: silentLogger(),
      isOperatorAway: () => isAway,
      notReady: () => (config === undefined ? 'no configuration is in force yet' : ''),
      whyNotForwarding: () => Promise.resolve(obstacle),
      config: () => config,
    });
    listening = await serveCni(socket(), (request) => plugin.handle(request));
  }

  async function ask(line: string): Promise<CniAnswer> {
    const connection = connect(socket());
    connection.end(line);
    return JSON.parse(await text(connection)) as CniAnswer;
  }

  const args = ({ uid, namespace, name }: LocalPod) =>
    `K8S_POD_UID=${uid};IgnoreUnknown=1;K8S_POD_NAME=${name};K8S_POD_NAMESPACE=${namespace};K8S_POD_INFRA_CONTAINER_ID=c1`;

  function call(command: string, more: object = {}, of = web, containerId = 'c1'): Promise<CniAnswer> {
    const env = { CNI_CONTAINERID: containerId, CNI_IFNAME: 'eth0', CNI_ARGS: args(of), CNI_NETNS: '/run/netns/x' };
    return ask(`${JSON.stringify({ command, env, config: { mode: 'Chained', cniVersion: '1.0.0', ...more } })}\n`);
  }

  const add = (of = web, containerId = 'c1') => call('ADD', { prevResult: result }, of, containerId);
  const member = () => pods.adapt(config ?? NodeConfig.create()).tenants[0]?.members.map(({ cidr }) => cidr);

  /** Turns in which sockets and files go on, until a pod waits. */
  async function untilBound(): Promise<void> {
    while (pods.bindings.length === 0 || clock.waiting === 0) await setImmediate();
  }

  describe('behind another', () => {
    it('lets a pod start when the engine knows its addresses as those of its tenant', async () => {
      await start();
      say(web);
      assert.deepEqual(await add(), {});
      assert.deepEqual(member(), ['10.1.0.7/32', 'fd00::7/128']);
      assert.equal(plugin.requests.get('ADD ok'), 1);
    });

    it('waits for an operator that hears of the pod a moment later', async () => {
      await start();
      say();
      const added = add();
      await untilBound();
      clock.advance(4_000);
      say(web);
      assert.deepEqual(await added, {});
    });

    it('says within five seconds that the operator has not named it, to be tried again', async () => {
      await start();
      say();
      const added = add();
      await untilBound();
      clock.advance(5_000);
      const { error } = await added;
      assert.equal(error?.code, 11);
      assert.equal(error.msg, 'quiver: the operator has not named this pod within 5 s; it is tried again');
      assert.equal(plugin.requests.get('ADD error'), 1);
    });

    it('says that the engine has not taken it', async () => {
      await start();
      say(web);
      isEngineStuck = true;
      const added = add();
      await untilBound();
      clock.advance(5_000);
      assert.match((await added).error?.msg ?? '', /the engine has not taken the addresses/);
    });

    it('lets a pod start without tenant while no operator is there, and counts it', async () => {
      await start();
      isAway = true;
      assert.deepEqual(await add(), {});
      assert.equal(plugin.unconfirmed, 1);
    });

    it('notices that the operator went away while a pod waits', async () => {
      await start();
      say();
      const added = add();
      await untilBound();
      isAway = true;
      pods.wake();
      assert.deepEqual(await added, {});
    });

    it('lets containers that are no pods pass', async () => {
      await start();
      const env = { CNI_CONTAINERID: 'c9', CNI_IFNAME: 'eth0' };
      assert.deepEqual(await ask(`${JSON.stringify({ command: 'ADD', env, config: { mode: 'Chained' } })}\n`), {});
    });

    it('frees the addresses when the pod goes, without its network, several times', async () => {
      await start();
      say({ ...web, addresses: ['10.1.0.7'] });
      await add();
      for (let times = 0; times < 3; times += 1) assert.deepEqual(await call('DEL', {}), {});
      assert.deepEqual(member(), []);
    });

    it('keeps the addresses of a new sandbox when the former one goes late', async () => {
      await start();
      say(web);
      await add();
      const later = { ...result, ips: [{ address: '10.1.0.8/24', interface: 2 }] };
      await call('ADD', { prevResult: later }, web, 'c2');
      await call('DEL', {}, web, 'c1');
      assert.deepEqual(member(), ['10.1.0.8/32']);
    });

    it('checks what it knows', async () => {
      await start();
      say(web);
      assert.equal((await call('CHECK', { prevResult: result })).error?.code, 3);
      await add();
      assert.deepEqual((await call('CHECK', { prevResult: result })).addresses, ['10.1.0.7', 'fd00::7']);
      const other = { ...result, ips: [{ address: '10.1.0.9/24', interface: 2 }] };
      assert.match((await call('CHECK', { prevResult: other })).error?.msg ?? '', /10\.1\.0\.9 are not those/);
    });

    it('keeps only what the runtime names', async () => {
      await start();
      say(web, { ...web, uid: 'u2', name: 'web-1' });
      await add();
      await call(
        'ADD',
        { prevResult: { ips: [{ address: '10.1.0.9/24' }] } },
        { ...web, uid: 'u2', name: 'web-1' },
        'c2',
      );
      await call('GC', { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] });
      assert.deepEqual(member(), ['10.1.0.9/32']);
      await call('GC', {});
      assert.deepEqual(member(), ['10.1.0.9/32']);
    });

    it('never says that the node’s network fails', async () => {
      await start();
      assert.deepEqual(await call('STATUS'), {});
      await listening.close();
      await start('Primary');
      assert.deepEqual(await call('STATUS'), {});
    });
  });

  describe('as the whole network', () => {
    const primary = (command: string, of = web, containerId = 'c1') =>
      call(command, { mode: 'Primary' }, of, containerId);
    const others = (index: number) => ({ ...web, uid: `u${index}`, name: `web-${index}` });

    it('gives addresses of each family, again when asked again', async () => {
      await start('Primary');
      say(web);
      assert.deepEqual(await primary('ADD'), { addresses: ['10.244.1.1', 'fd00:1::1'], mtu: 1_400 });
      assert.deepEqual((await primary('ADD')).addresses, ['10.244.1.1', 'fd00:1::1']);
      assert.deepEqual(member(), ['10.244.1.1/32', 'fd00:1::1/128']);
      assert.equal(plugin.freeAddresses, 5);
    });

    it('gives to pods that come at once different ones, and none that the API server knows', async () => {
      await start('Primary');
      say(web, others(2), { ...others(3), addresses: ['10.244.1.1'] });
      const [one, other] = await Promise.all([primary('ADD'), primary('ADD', others(2), 'c2')]);
      assert.deepEqual(
        [one?.addresses?.[0], other?.addresses?.[0]].toSorted((a = '', b = '') => (a < b ? -1 : 1)),
        ['10.244.1.2', '10.244.1.3'],
      );
    });

    it('does not give an address again at once', async () => {
      await start('Primary');
      say(web);
      await primary('ADD');
      await primary('DEL');
      assert.deepEqual((await primary('ADD', web, 'c2')).addresses, ['10.244.1.2', 'fd00:1::2']);
    });

    it('gives an address back when the pod cannot be known', async () => {
      await start('Primary');
      say();
      const added = primary('ADD');
      await untilBound();
      clock.advance(5_000);
      assert.equal((await added).error?.code, 11);
      assert.equal(pods.find({ containerId: 'c1', interface: 'eth0' }), undefined);
    });

    it('says when there is no address left', async () => {
      await start('Primary');
      say(...Array.from({ length: 7 }, (_, index) => others(index)));
      for (let index = 0; index < 6; index += 1) await primary('ADD', others(index), `c${index}`);
      const { error } = await primary('ADD', others(6), 'c6');
      assert.deepEqual([error?.code, error?.details], [11, 'NoFreeAddress']);
      assert.match(error?.msg ?? '', /all 6 addresses of 10\.244\.1\.0\/29 are in use/);
    });

    it('says that it cannot serve before it has a configuration, and without a pod CIDR', async () => {
      await start('Primary');
      assert.equal((await primary('STATUS')).error?.code, 50);
      assert.equal((await primary('ADD')).error?.code, 11);
      say();
      assert.deepEqual(await primary('STATUS'), {});
      obstacle = 'this node does not forward';
      assert.deepEqual((await primary('STATUS')).error, { code: 50, msg: `quiver: ${obstacle}`, details: '' });
      config = NodeConfig.create();
      assert.match((await primary('STATUS')).error?.msg ?? '', /no pod CIDR.*--allocate-node-cidrs/);
    });

    it('refuses pods of a configuration for the other mode, and lets them go', async () => {
      await start('Primary');
      say(web);
      assert.match((await add()).error?.msg ?? '', /configured as Chained, the agent runs as Primary/);
      assert.deepEqual(await call('DEL'), {});
    });
  });

  it('answers what it cannot read with an error, and goes on', async () => {
    await start();
    for (const line of ['{\n', '{"command": "FLY", "env": {}, "config": {"mode": "Chained"}}\n', '"x"\n']) {
      assert.equal((await ask(line)).error?.code, 4);
    }
    assert.deepEqual(await call('STATUS'), {});
  });

  it('takes a request of the largest size that runtimes send, in pieces', async () => {
    await start();
    say(web);
    const annotations = { 'io.kubernetes.cri.pod-annotations': { large: 'x'.repeat(512 * 1024) } };
    assert.deepEqual(await call('ADD', { prevResult: result, runtimeConfig: annotations }), {});
  });

  it('is served to one agent only', async () => {
    await start();
    await assert.rejects(
      serveCni(socket(), () => Promise.resolve({})),
      { code: 'CniUnusable', message: /--cni-socket/ },
    );
  });
});
