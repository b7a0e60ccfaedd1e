import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import {
  AccessAction,
  type LocalPod,
  type NodeConfig,
  Scope,
  Service,
  TargetSource,
  Tenant,
} from '@quiver/dataplane-api';
import { sampleConfig } from '../../dataplane/agent/src/testing/sample-config.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { eventually, now } from '../harness/eventually.ts';
import { serveEcho } from '../harness/servers.ts';
import { askUdp } from '../harness/traffic.ts';
import { CniNode, type Pod } from './cni-node.ts';

const bridge = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipMasq: false,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

interface Result {
  readonly cniVersion: string;
  readonly ips: readonly { readonly address: string }[];
}

describe('behind another pod network', function () {
  this.timeout(engineBuildTime);
  let node: CniNode;

  beforeEach(async () => {
    node = await CniNode.make();
    await node.configure('10-bridge.conflist', bridge);
  });
  afterEach(() => node?.remove());

  /** A service that only tenant `web` may use, at a server's address. */
  function config(pods: readonly (Pod & { readonly tenant: string })[], server = '192.0.2.200'): NodeConfig {
    const target = {
      address: server,
      port: 9_000,
      weight: 1,
      healthy: true,
      source: TargetSource.TARGET_SOURCE_RETURN_POOL,
    };
    const service = Service.create({
      name: 'prod/echo',
      addresses: ['198.18.0.17/32'],
      ports: [{ protocol: 17, firstPort: 9_000, lastPort: 9_000 }],
      access: [{ tenant: 'web', action: AccessAction.ACCESS_ACTION_ALLOW }],
      scope: Scope.SCOPE_PRIVATE,
      routes: [{ name: 'prod/echo', peers: [], targets: [target], maxSessions: 0 }],
    });
    return {
      ...sampleConfig([service]),
      waypoints: [{ name: 'a1', address: '192.0.2.1' }],
      waypointPorts: { first: 16_384, last: 29_999 },
      servicePool: ['198.18.0.0/16'],
      returnPool: ['169.254.96.0/20'],
      tenants: [Tenant.create({ name: 'web' })],
      pods: pods.map(({ uid, name, tenant }): LocalPod => ({ uid, name, namespace: 'prod', tenant, addresses: [] })),
    };
  }

  async function ready(pods: readonly (Pod & { readonly tenant: string })[]): Promise<void> {
    await node.start('Chained');
    await node.say(config(pods));
    await node.installed();
  }

  const addressOf = (result: unknown) => (result as Result).ips[0]?.address.split('/')[0] ?? '';

  it('keeps the primary’s file, its version and its result', async () => {
    const pod = { ...(await node.addPod('u1')), tenant: 'web' };
    await ready([pod]);
    assert.deepEqual(JSON.parse(await readFile(node.path('net.d', '10-bridge.conflist'), 'utf8')), bridge);
    const result = (await node.must('add', 'pods', pod)) as Result;
    assert.equal(result.cniVersion, '1.0.0');
    assert.match(result.ips[0]?.address ?? '', /^10\.244\.1\.\d+\/24$/);
    await node.must('check', 'pods', pod);
    await node.must('del', 'pods', pod);
    await node.must('del', 'pods', pod);
  });

  it('gives a pod its tenant before its first packet, and ends its sessions when it goes', async () => {
    const [client, stranger, server] = [await node.addPod('u1'), await node.addPod('u2'), await node.addPod('u3')];
    const pods = [
      { ...client, tenant: 'web' },
      { ...stranger, tenant: '' },
      { ...server, tenant: '' },
    ];
    await ready(pods);
    const serverAddress = addressOf(await node.must('add', 'pods', server));
    await serveEcho(server.namespace, ['9000']);
    await node.say(config(pods, serverAddress));
    const [own, other] = [
      addressOf(await node.must('add', 'pods', client)),
      addressOf(await node.must('add', 'pods', stranger)),
    ];
    const ask = (pod: Pod, from: string) => askUdp(pod.namespace, { from, to: '198.18.0.17', ports: '9000' });
    assert.equal((await ask(client, own)).received, 1);
    assert.equal((await ask(stranger, other)).received, 0);
    assert.equal((await node.sessions()).sessions.length, 1);
    await node.must('del', 'pods', client);
    await eventually('the session ends', async () => (await node.sessions()).sessions.length === 0);
  });

  it('ends the sessions of a pod that the operator names no more', async () => {
    const [client, server] = [await node.addPod('u1'), await node.addPod('u3')];
    const pods = [client, server].map((pod, index) => ({ ...pod, tenant: index === 0 ? 'web' : '' }));
    await ready(pods);
    const serverAddress = addressOf(await node.must('add', 'pods', server));
    await serveEcho(server.namespace, ['9000']);
    await node.say(config(pods, serverAddress));
    const from = addressOf(await node.must('add', 'pods', client));
    assert.equal((await askUdp(client.namespace, { from, to: '198.18.0.17', ports: '9000' })).received, 1);
    await node.say(config(pods.slice(1), serverAddress));
    await eventually('the session ends', async () => (await node.sessions()).sessions.length === 0);
    assert.equal((await askUdp(client.namespace, { from, to: '198.18.0.17', ports: '9000' })).received, 0);
  });

  it('waits for the operator’s word, and says so when it does not come', async () => {
    const pod = { ...(await node.addPod('u1')), tenant: 'web' };
    await ready([]);
    const begin = now();
    assert.match(await node.refusal('add', 'pods', pod), /the operator has not named this pod within 5 s/);
    assert.ok(now() - begin < 8_000);
    await node.must('del', 'pods', pod);
    const added = node.must('add', 'pods', pod);
    await node.say(config([pod]));
    assert.equal(addressOf(await added), '10.244.1.3');
  });

  it('keeps pods from starting while the agent is away, lets them go, and goes on afterwards', async () => {
    const pod = { ...(await node.addPod('u1')), tenant: 'web' };
    await ready([pod]);
    assert.equal(await node.stop(), 0);
    assert.ok((await readdir(node.path('net.d'))).includes('00-quiver.conflist'));
    const begin = now();
    assert.match(
      await node.refusal('add', 'pods', pod),
      /quiver: agent is not reachable; pods of this node start when it runs again/,
    );
    assert.ok(now() - begin < 3_000);
    await node.must('del', 'pods', pod);
    await node.start('Chained');
    await node.say(config([pod]));
    await node.must('add', 'pods', pod);
  });

  it('leaves the primary’s file alone when the operator takes it off the node', async () => {
    await ready([]);
    await node.say({ ...config([]), retire: true });
    assert.deepEqual(await readdir(node.path('net.d')), ['10-bridge.conflist']);
    assert.ok(!(await readdir(node.path('bin'))).includes('quiver-cni'));
    assert.ok(!(await node.machine.must(['ip', '-o', 'link'])).includes('quiver0'));
    assert.equal((await node.machine.must(['nft', 'list', 'ruleset'])).trim(), '');
    const pod = await node.addPod('u9');
    await node.must('add', 'pods', pod);
  });
});
