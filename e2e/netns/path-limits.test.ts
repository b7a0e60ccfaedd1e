import assert from 'node:assert/strict';
import { engineBuildTime } from '../harness/engine-build.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { askUdp, download, hostOf, makeContent, ping } from '../harness/traffic.ts';

describe('a path between the sites', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  beforeEach(async () => {
    pair = await Pair.start();
  });
  afterEach(() => pair?.remove());

  it('with an MTU of 1400 carries whole downloads of both kinds', async () => {
    await pair.sites.core.shell(`ip route replace 192.0.2.0/24 dev to-a mtu lock 1400
      ip route replace 203.0.113.0/24 dev to-b mtu lock 1400`);
    const content = await makeContent(pair.content, 'file', 5_000_000);
    for (const [address, port] of [
      [services.web.v4, 80],
      [services.web.v6, 80],
      [services.vault.v4, 81],
      [services.vault.v6, 81],
    ] as const) {
      const url = `http://${hostOf(address)}:${port}/file`;
      const got = await download(pair.sites.client, url, pair.sites.folder);
      assert.deepEqual([got.code, got.sha256], [0, content.sha256], `${url} ${got.stderr}`);
    }
  });

  it('with an MTU of 1400 tells the client that a packet is too large', async () => {
    await pair.sites.core.shell('ip route replace 203.0.113.0/24 dev to-b mtu lock 1400');
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000' };
    assert.equal((await askUdp(pair.sites.client, asking)).received, 1);
    const { client } = pair.sites;
    const big = ['ping', '-n', '-c', '4', '-i', '0.2', '-W', '1', '-M', 'do', '-s', '1440', services.echo.v4];
    const { stdout, stderr } = await client.run(big);
    assert.match(`${stdout}${stderr}`, /[Ff]rag needed|[Mm]essage too long/);
    assert.equal((await ping(client, services.echo.v4, { count: 2, size: 1000 })).received, 2);
  });

  it('that loses a tenth of all packets carries whole downloads, and opens every session', async () => {
    await pair.sites.core.must(
      ['nft', '-f', '-'],
      `table ip lossy {
        chain forward {
          type filter hook forward priority 0;
          numgen random mod 100 < 10 counter drop
        }
      }`,
    );
    const content = await makeContent(pair.content, 'file', 500_000);
    for (const port of [80, 81]) {
      const address = port === 80 ? services.web.v4 : services.vault.v4;
      for (let round = 0; round < 5; round += 1) {
        const url = `http://${address}:${port}/file`;
        const got = await download(pair.sites.client, url, pair.sites.folder, { within: 60 });
        assert.deepEqual([got.code, got.sha256], [0, content.sha256], `${url} ${got.stderr}`);
      }
    }
    const asking = { from: addresses.client.v4, to: services.voice.v4, ports: '10000-10049', rounds: 8 };
    assert.equal((await askUdp(pair.sites.client, asking)).portsOk, 50);
  });
});
