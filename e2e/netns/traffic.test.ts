import assert from 'node:assert/strict';
import { Capture } from '../harness/capture.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { eventually, now } from '../harness/eventually.ts';
import { isMetadata } from '../harness/metadata-sight.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { askUdp, type Content, curl, download, hostOf, makeContent, ping } from '../harness/traffic.ts';

describe('two sites with the same prefixes', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;
  let content: Content;

  before(async () => {
    pair = await Pair.start();
    content = await makeContent(pair.content, 'file', 5_000_000);
  });
  after(() => pair?.remove());

  const from = addresses.client;

  for (const [service, port] of [
    ['web', 80],
    ['vault', 81],
  ] as const) {
    for (const family of ['v4', 'v6'] as const) {
      it(`carry a download of ${service} over IP${family} without changing a byte`, async () => {
        const url = `http://${hostOf(services[service][family])}:${port}/file`;
        const got = await download(pair.sites.client, url, pair.sites.folder);
        assert.deepEqual({ code: got.code, sha256: got.sha256 }, { code: 0, sha256: content.sha256 }, got.stderr);
      });
    }
  }

  for (const family of ['v4', 'v6'] as const) {
    it(`carry datagrams of IP${family} both ways, small and large`, async () => {
      const asking = { from: from[family], to: services.echo[family], ports: '9000', rounds: 20 };
      assert.equal((await askUdp(pair.sites.client, asking)).received, 20);
      const large = await askUdp(pair.sites.client, { ...asking, rounds: 3, text: 'x'.repeat(1350) });
      assert.equal(large.received, 3);
    });

    it(`carry pings of IP${family}`, async () => {
      const { received, output } = await ping(pair.sites.client, services.echo[family], {
        from: from[family],
        count: 3,
      });
      assert.equal(received, 3, output);
    });
  }

  it('carry every port of a range', async () => {
    const asked = await askUdp(pair.sites.client, { from: from.v4, to: services.voice.v4, ports: '10000-10049' });
    assert.equal(asked.portsOk, 50);
  });

  it('carry datagrams that the client had to cut into fragments', async () => {
    const text = `fragments ${'x'.repeat(4000)}`;
    await askUdp(pair.sites.client, { from: from.v4, to: services.echo.v4, ports: '9000', text });
    assert.ok(pair.servers.some(({ stdout }) => stdout.includes(' 9000 fragments x')));
  });

  it('tell a client without access at once, and let nothing through', async () => {
    const begin = now();
    const url = `http://${services.web.v4}/denied-client`;
    const { code } = await pair.sites.client.run(curl(url, { from: addresses.guest.v4, within: 5 }));
    assert.equal(code, 7, 'curl says "could not connect"');
    assert.ok(now() - begin < 2000, 'it did not have to wait for a timeout');
    const pinged = await ping(pair.sites.client, services.echo.v4, { from: addresses.guest.v4, count: 1 });
    assert.match(pinged.output, /[Pp]acket filtered|[Pp]rohibited/);
    assert.ok(pair.servers.every(({ stdout }) => !stdout.includes('denied-client')));
  });

  it('show one session with the same id at both ends', async () => {
    const slow = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file?rate=2000000`);
    await slow.has(100_000);
    const opened = await pair.a.sessions({ service: 'demo/web' });
    const ingress = opened.find(({ state }) => state === 'Established');
    const egress = (await pair.b.sessions()).find(({ sessionId }) => sessionId === ingress?.sessionId);
    await slow.cancel();
    assert.ok(ingress?.serverHop !== undefined && egress?.clientHop !== undefined);
    const { role, tenant, client, serverHop } = ingress;
    assert.deepEqual([role, tenant, client?.address], ['Ingress', 'office', from.v4]);
    assert.deepEqual([egress.role, egress.target?.address], ['Egress', addresses.server.v4]);
    const { local, remote } = egress.clientHop;
    assert.deepEqual([local, remote], [serverHop.remote, serverHop.local]);
  });

  it('send metadata only until the session is open', async () => {
    const capture = await Capture.start(pair.sites.core, 'to-a', `${pair.sites.folder}/handshake.pcap`);
    await download(pair.sites.client, `http://${services.web.v4}/file`, pair.sites.folder);
    const packets = await capture.stop();
    const withMetadata = packets.filter(isMetadata).length;
    assert.ok(withMetadata >= 2 && withMetadata <= 8, `${withMetadata} of ${packets.length} packets carry metadata`);
  });

  it('forget a finished connection', async () => {
    await eventually(
      'no session of the web service is left',
      async () => {
        const open = (await pair.a.sessions({ service: 'demo/web' })).filter(({ state }) => state !== 'Closing');
        return open.length === 0 || undefined;
      },
      { within: 15_000 },
    );
  });
});
