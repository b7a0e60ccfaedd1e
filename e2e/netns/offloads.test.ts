import assert from 'node:assert/strict';
import { engineBuildTime } from '../harness/engine-build.ts';
import type { Namespace } from '../harness/namespace.ts';
import { Pair, services } from '../harness/pair.ts';
import { download, hostOf, makeContent } from '../harness/traffic.ts';

/** Segments and datagrams that a machine dropped because of their checksum. */
async function checksumErrors(machine: Namespace): Promise<number> {
  const counters = await machine.must(['nstat', '-asz', 'TcpInCsumErrors', 'UdpInCsumErrors', 'Udp6InCsumErrors']);
  return [...counters.matchAll(/CsumErrors\s+(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('interfaces without checksum and segmentation offloads', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  before(async () => {
    pair = await Pair.prepare();
    const { client, routerA, core, routerB, server } = pair.sites;
    for (const [machine, devices] of [
      [client, ['eth0']],
      [routerA, ['lan0', 'wan0']],
      [core, ['to-a', 'to-b']],
      [routerB, ['wan0', 'lan0']],
      [server, ['eth0']],
    ] as const) {
      for (const device of devices) await machine.must(['ethtool', '-K', device, 'tx', 'off']);
    }
    await pair.run();
  });
  after(() => pair?.remove());

  for (const [service, port] of [
    ['web', 80],
    ['vault', 81],
  ] as const) {
    for (const family of ['v4', 'v6'] as const) {
      it(`see right checksums only on the packets of ${service} over IP${family}`, async () => {
        const content = await makeContent(pair.content, `${service}-${family}`, 5_000_000);
        const url = `http://${hostOf(services[service][family])}:${port}/${content.name}`;
        const got = await download(pair.sites.client, url, pair.sites.folder);
        assert.deepEqual([got.code, got.sha256], [0, content.sha256], got.stderr);
        assert.equal(await checksumErrors(pair.sites.client), 0);
        assert.equal(await checksumErrors(pair.sites.server), 0);
      });
    }
  }
});
