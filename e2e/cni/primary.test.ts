import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import type { LocalPod, NodeConfig } from '@quiver/dataplane-api';
import { sampleConfig } from '../../dataplane/agent/src/testing/sample-config.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { differences, kernelState } from '../harness/kernel-state.ts';
import { Namespace } from '../harness/namespace.ts';
import { serveFiles } from '../harness/servers.ts';
import { CniNode, type Pod } from './cni-node.ts';

interface Result {
  readonly cniVersion: string;
  readonly ips: readonly { readonly address: string; readonly gateway: string; readonly interface: number }[];
  readonly interfaces: readonly { readonly name: string; readonly sandbox?: string; readonly mtu?: number }[];
}

describe('the whole pod network', function () {
  this.timeout(engineBuildTime);
  let node: CniNode;

  beforeEach(async () => {
    node = await CniNode.make();
  });
  afterEach(() => node?.remove());

  function config(...pods: Pod[]): NodeConfig {
    const known = pods.map(({ uid, name }): LocalPod => ({ uid, name, namespace: 'prod', tenant: '', addresses: [] }));
    const podNetwork = { ownCidrs: ['10.244.1.0/24', 'fd00:244:1::/112'], routes: [], mtu: 1_400, masquerade: false };
    return { ...sampleConfig(), podNetwork, pods: known };
  }

  async function ready(...pods: Pod[]): Promise<void> {
    await node.start('Primary');
    await node.say(config(...pods));
    await node.installed();
  }

  const addressesOf = (result: unknown) => (result as Result).ips.map(({ address }) => address.split('/')[0] ?? '');

  it('lets pods reach each other and their node, in both families', async () => {
    const [one, other] = [await node.addPod('u1'), await node.addPod('u2')];
    await ready(one, other);
    const result = (await node.must('add', 'quiver', one)) as Result;
    const [v4 = '', v6 = ''] = addressesOf(await node.must('add', 'quiver', other));
    assert.deepEqual(addressesOf(result), ['10.244.1.1', 'fd00:244:1::1']);
    assert.equal(result.cniVersion, '1.1.0');
    assert.deepEqual(
      result.ips.map(({ gateway }) => gateway),
      ['169.254.1.1', 'fe80::1'],
    );
    assert.equal(result.interfaces[1]?.sandbox, `/run/netns/${one.namespace.name}`);
    for (const address of [v4, v6]) {
      await one.namespace.must(['ping', '-c', '1', '-W', '2', address]);
      await node.machine.must(['ping', '-c', '1', '-W', '2', address]);
      await other.namespace.must(['ping', '-c', '1', '-W', '2', address]);
    }
    assert.match(await one.namespace.must(['ip', 'link', 'show', 'eth0']), /mtu 1400/);
    await node.must('check', 'quiver', one);
  });

  it('takes everything away with the pod, again and again, also when its network is gone', async () => {
    const pod = await node.addPod('u1');
    await ready(pod);
    const clean = await kernelState(node.machine);
    await node.must('add', 'quiver', pod);
    assert.notDeepEqual(differences(clean, await kernelState(node.machine)), []);
    for (let times = 0; times < 3; times += 1) await node.must('del', 'quiver', pod);
    assert.deepEqual(differences(clean, await kernelState(node.machine)), []);
    await node.must('add', 'quiver', pod);
    await pod.namespace.remove();
    await node.must('del', 'quiver', pod);
    assert.deepEqual(differences(clean, await kernelState(node.machine)), []);
  });

  it('makes no half network', async () => {
    const pod = await node.addPod('u1');
    await ready(pod);
    await pod.namespace.shell('ip link add eth0 type veth peer name eth1');
    const clean = await Promise.all([kernelState(node.machine), kernelState(pod.namespace)]);
    const refused = await node.refusal('add', 'quiver', pod);
    assert.match(refused, /quiver: the kernel did not let us make the devices.*exists/s);
    const after = await Promise.all([kernelState(node.machine), kernelState(pod.namespace)]);
    assert.deepEqual(
      after.flatMap((state, index) => differences(clean[index] ?? state, state)),
      [],
    );
    await pod.namespace.shell('ip link del eth0');
    await pod.namespace.shell('sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1');
    assert.match(await node.refusal('add', 'quiver', pod), /give the pod fd00:244:1::/);
    assert.deepEqual(differences(clean[0], await kernelState(node.machine)), []);
    assert.ok(!(await pod.namespace.must(['ip', '-o', 'link'])).includes('eth0'));
  });

  it('finds out what was changed behind its back', async () => {
    const pod = await node.addPod('u1');
    await ready(pod);
    await node.must('add', 'quiver', pod);
    await pod.namespace.shell('ip addr del 10.244.1.1/32 dev eth0');
    assert.match(await node.refusal('check', 'quiver', pod), /interface eth0 has lost its address 10\.244\.1\.1/);
  });

  it('says that the node is not ready until the agent is, and when the agent is away', async () => {
    await node.start('Primary');
    assert.deepEqual(await readdir(node.path('net.d')), []);
    await node.say(config());
    await node.installed();
    assert.equal((await node.call('status', 'quiver', undefined)).code, 0);
    await node.stop();
    assert.match(await node.refusal('status', 'quiver', undefined), /agent is not reachable/);
  });

  it('knows the addresses of its pods after a restart, and lets pods go while the agent is away', async () => {
    const [one, other] = [await node.addPod('u1'), await node.addPod('u2')];
    await ready(one, other);
    await node.must('add', 'quiver', one);
    await node.stop();
    const refused = await node.refusal('add', 'quiver', other);
    assert.match(refused, /quiver: agent is not reachable; pods of this node start when it runs again/);
    await node.must('del', 'quiver', other);
    await node.start('Primary');
    await node.say(config(one, other));
    assert.deepEqual(addressesOf(await node.must('add', 'quiver', other)), ['10.244.1.2', 'fd00:244:1::2']);
    await node.must('check', 'quiver', one);
  });

  it('opens host ports through the reference plugin', async () => {
    const pod = await node.addPod('u1');
    const outside = await Namespace.make(`${node.machine.name}-o`);
    try {
      await ready(pod);
      await node.machine.shell(`ip link set wan1 netns ${outside.name}`);
      await outside.shell('ip addr add 192.0.2.2/24 dev wan1; ip link set wan1 up; ip route add default via 192.0.2.1');
      const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
      await node.must('add', 'quiver', pod, { capabilities: { portMappings } });
      const server = await serveFiles(pod.namespace, node.path('net.d'));
      const fetched = await outside.must(['curl', '-sS', '-m', '5', 'http://192.0.2.1:8080/00-quiver.conflist']);
      assert.match(fetched, /"portmap"/);
      await server.stop();
      await node.must('del', 'quiver', pod, { capabilities: { portMappings } });
    } finally {
      await outside.remove();
    }
  });
});
