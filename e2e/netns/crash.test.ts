import assert from 'node:assert/strict';
import { Capture } from '../harness/capture.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { eventually } from '../harness/eventually.ts';
import { addressesSeen } from '../harness/metadata-sight.ts';
import { Pair, services } from '../harness/pair.ts';
import type { Router } from '../harness/router.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { type Content, makeContent } from '../harness/traffic.ts';

const RATE = 8_000_000;

describe('a router that is killed', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;
  let content: Content;

  before(async () => {
    pair = await Pair.start();
    content = await makeContent(pair.content, 'file', 24_000_000);
  });
  after(() => pair?.remove());

  const fetchSlowly = (service: 'web' | 'vault'): SlowDownload => {
    const port = service === 'web' ? 80 : 81;
    return new SlowDownload(pair.sites.client, `http://${services[service].v4}:${port}/file?rate=${RATE}`);
  };

  for (const [side, service] of [
    ['a', 'web'],
    ['b', 'web'],
    ['a', 'vault'],
    ['b', 'vault'],
  ] as const) {
    const place = side === 'a' ? 'ingress' : 'egress';
    it(`at the ${place} during a transfer of ${service} resets nobody, leaks nothing, and the transfer goes on`, async () => {
      const { client, server, core, folder } = pair.sites;
      const router: Router = pair[side];
      const captures = await Promise.all([
        Capture.start(client, 'eth0', `${folder}/client.pcap`, 'tcp'),
        Capture.start(server, 'eth0', `${folder}/server.pcap`, 'tcp'),
        Capture.start(core, 'to-a', `${folder}/core.pcap`),
      ]);
      const download = fetchSlowly(service);
      await download.has(2_000_000);
      await router.kill();
      // The server goes on sending into the gap.
      await router.start();
      const { code, sha256, stderr } = await download.finished();
      const [atClient, atServer, onWire] = await Promise.all(captures.map((capture) => capture.stop()));
      assert.deepEqual([code, sha256], [0, content.sha256], stderr);
      for (const packets of [atClient, atServer, onWire]) {
        assert.ok(packets !== undefined && packets.length > 0);
        assert.equal(packets.filter(({ tcp }) => tcp?.isReset === true).length, 0, 'a reset was seen');
      }
      const known = new Set<string>([addresses.waypointA, addresses.waypointB, addresses.coreA]);
      const foreign = [...addressesSeen(onWire ?? [])].filter(
        ([one]) => !known.has(one) && !/^(fe80|ff02|0):/.test(one),
      );
      assert.deepEqual(foreign, [], 'packets went between the sites under their own addresses');
    });
  }

  for (const [sides, when] of [
    [['a'], 'at the ingress'],
    [['b'], 'at the egress'],
    [['a', 'b'], 'at the ingress, and then another at the egress'],
  ] as const) {
    it(`${when}, does not strand a client behind a closed window`, async () => {
      const download = fetchSlowly('web');
      await download.has(1_000_000);
      download.pause();
      // The server's data fills the client's window, and then nobody sends but probes.
      await windowIsClosed(pair);
      for (const side of sides) {
        await pair[side].kill();
        await pair[side].start();
        await knowsSession(pair[side]);
      }
      download.resume();
      const { code, sha256, stderr } = await download.finished();
      assert.deepEqual([code, sha256], [0, content.sha256], stderr);
    });
  }
});

/** Waits until a router that has lost its sessions has been told of this one: nobody sends meanwhile. */
async function knowsSession(router: Router): Promise<void> {
  await eventually('the restarted router knows the session', async () => {
    const sessions = await router.sessions({ service: 'demo/web' });
    return sessions.some(({ state }) => state !== 'Closing') || undefined;
  });
}

/** Waits until the server has data to send and may not. */
async function windowIsClosed({ sites }: Pair): Promise<void> {
  await eventually(
    'the client closes its window',
    async () => {
      const sockets = await sites.server.must(['ss', '-Htoin', 'sport = :80']);
      return /timer:\(persist/.test(sockets) || undefined;
    },
    { within: 30_000 },
  );
}
