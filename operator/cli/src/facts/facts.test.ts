import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { NodeConfig } from '@quiver/dataplane-api';
import { parse } from 'yaml';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { factsSchema } from './facts.ts';
import { readFacts } from './read-facts.ts';

describe('facts of a machine', () => {
  const folder = scratchFolder();
  const stateDir = () => join(folder(), 'state');
  const read = () => readFacts({ now: () => 1_000, stateDir: stateDir(), root: folder() });

  async function put(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder(), path)), { recursive: true });
    await writeFile(join(folder(), path), text);
  }

  async function keep(digest: string): Promise<void> {
    const config = NodeConfig.fromPartial({
      waypoints: [{ name: 'wan0', address: '192.0.2.1' }],
      waypointPorts: { first: 16_384, last: 29_999 },
      servicePool: ['198.18.0.0/16'],
      keySource: { sharedSecret: { active: 2, versions: [{ version: 2, secretId: 's', digest }] } },
    });
    await put('state/node/last-good.json', JSON.stringify({ config: NodeConfig.toJSON(config) }));
  }

  it('are settings of the kernel and the plugins that the runtime calls', async () => {
    await put('proc/sys/net/ipv4/ip_local_port_range', '32768\t60999\n');
    await put('proc/sys/net/ipv4/ip_forward', '1\n');
    await put('proc/sys/net/ipv4/conf/all/rp_filter', '2\n');
    await put('dev/net/tun', '');
    await put('etc/cni/net.d/00-unused.conflist', '{}');
    await put('host/etc/cni/net.d/10-other.conflist', JSON.stringify({ plugins: [{ type: 'other' }] }));
    await put(
      'host/etc/cni/net.d/05-quiver.conflist',
      JSON.stringify({ plugins: [{ type: 'bridge' }, { type: 'quiver-cni' }] }),
    );
    const { localPorts, ipForward, rpFilter, hasTun, cni, nowMs } = await read();
    assert.deepEqual(
      { localPorts, ipForward, rpFilter, hasTun, cni, nowMs },
      {
        localPorts: { first: 32_768, last: 60_999 },
        ipForward: { ipv4: true, ipv6: false },
        rpFilter: 2,
        hasTun: true,
        cni: { file: '05-quiver.conflist', plugins: ['bridge', 'quiver-cni'] },
        nowMs: 1_000,
      },
    );
  });

  it('are MTU and addresses of interfaces that have one', async () => {
    const name = Object.keys(networkInterfaces()).find((one) => one !== 'lo') ?? 'lo';
    await put(`sys/class/net/${name}/mtu`, '1400\n');
    await put('sys/class/net/veth123/mtu', '1500\n');
    const { interfaces } = await read();
    assert.deepEqual(
      interfaces.map(({ name: one, mtu }) => [one, mtu]),
      name === 'lo' ? [] : [[name, 1400]],
    );
  });

  it('are those of the configuration in force, with prints by which secrets are compared but not found', async () => {
    assert.equal((await read()).config, undefined);
    await keep('AB12');
    const { config } = await read();
    assert.deepEqual(
      { ...config, secrets: undefined },
      {
        waypoints: ['192.0.2.1'],
        waypointPorts: { first: 16_384, last: 29_999 },
        servicePool: ['198.18.0.0/16'],
        returnPool: [],
        secrets: undefined,
        activeSecret: 2,
      },
    );
    const [print] = config?.secrets ?? [];
    assert.match(print?.print ?? '', /^[0-9a-f]{8}$/);
    await keep('ab12');
    assert.deepEqual((await read()).config?.secrets, [print]);
    await keep('ab13');
    assert.notDeepEqual((await read()).config?.secrets, [print]);
  });

  it('are printed by the command, in the form in which they are read', async () => {
    const { code, stdout } = await runQuiver(['facts'], { stateDir: stateDir() });
    assert.equal(code, 0);
    assert.deepEqual(factsSchema.parse(parse(stdout)), parse(stdout));
  });
});
