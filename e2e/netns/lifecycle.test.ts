import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import type { Outcome } from '../harness/command.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { differences, kernelState } from '../harness/kernel-state.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { askUdp } from '../harness/traffic.ts';

describe('the life of a router', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  beforeEach(async () => {
    pair = await Pair.prepare();
  });
  afterEach(() => pair?.remove());

  /** One sentence on standard error, exit code 1, and nothing changed in the kernel. */
  async function refuses(prepare: string, prefix: readonly string[], expected: RegExp): Promise<void> {
    if (prepare !== '') await pair.sites.routerA.shell(prepare);
    const clean = await kernelState(pair.sites.routerA);
    const outcome: Outcome = await pair.sites.routerA.run([...prefix, ...pair.a.command()]);
    assert.equal(outcome.code, 1, outcome.stderr);
    const sentences = outcome.stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));
    assert.equal(sentences.length, 1, outcome.stderr);
    assert.match(sentences[0] ?? '', expected);
    assert.deepEqual(differences(clean, await kernelState(pair.sites.routerA)), []);
    assert.ok(!(await readdir(pair.a.folder)).some((name) => name.endsWith('.sock')), 'a socket is left');
  }

  it('ends on SIGTERM and leaves the machine as it was', async () => {
    const { routerA, routerB } = pair.sites;
    const clean = await Promise.all([kernelState(routerA), kernelState(routerB)]);
    await pair.run();
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000' };
    assert.equal((await askUdp(pair.sites.client, asking)).received, 1);
    assert.notDeepEqual(differences(clean[0], await kernelState(routerA)), [], 'it made nothing at all');
    assert.deepEqual(await pair.stopRouters(), [0, 0]);
    assert.deepEqual(differences(clean[0], await kernelState(routerA)), []);
    assert.deepEqual(differences(clean[1], await kernelState(routerB)), []);
  });

  it('leaves the machine as it was when it was killed, started again and stopped', async () => {
    const clean = await kernelState(pair.sites.routerA);
    await pair.a.start();
    await pair.a.kill();
    await pair.a.start();
    assert.equal(await pair.a.stop(), 0);
    assert.deepEqual(differences(clean, await kernelState(pair.sites.routerA)), []);
  });

  it('ends at once without the privilege to change the network', async () => {
    const without = ['setpriv', '--bounding-set=-net_admin,-net_raw', '--inh-caps=-net_admin,-net_raw'];
    await refuses('', without, /NET_ADMIN/);
  });

  it('ends at once when nft is not installed', async () => {
    await refuses('', ['env', 'PATH=/nonexistent'], /nft/);
  });

  it('ends at once when the name of its device is taken', async () => {
    await refuses('ip link add quiver0 type veth peer name other', [], /ip link delete quiver0/);
  });

  it('ends at once when the name of its table is taken', async () => {
    await refuses('nft add table netdev quiver', [], /nft delete table netdev quiver/);
  });

  it('ends at once when another router runs here', async () => {
    await pair.a.start();
    const second = pair.a.command().map((word) => (word === pair.a.socket ? `${pair.a.socket}2` : word));
    const outcome = await pair.sites.routerA.run(second);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /quiver0/);
    assert.ok((await pair.a.status()).ready);
  });

  it('ends at once when its own file is wrong, and names the line', async () => {
    await pair.a.edit('router.yaml', 'address: 192.0.2.1', 'address: 192.0.2.500');
    const outcome = await pair.sites.routerA.run(pair.a.command());
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /router\.yaml:\d+.*nodes\[0\]\.waypoints\[0\]\.address/);
  });
});
