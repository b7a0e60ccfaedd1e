import assert from 'node:assert/strict';
import { engineBuildTime } from '../harness/engine-build.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { askUdp, download, makeContent } from '../harness/traffic.ts';

describe('rules of other people', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  beforeEach(async () => {
    pair = await Pair.prepare();
  });
  afterEach(() => pair?.remove());

  it('that masquerade in front of the device do not hide the client from its tenant', async () => {
    const masquerading = `table ip cni {
      chain post {
        type nat hook postrouting priority 100;
        ip saddr 10.1.0.0/24 masquerade
      }
    }`;
    await pair.sites.routerA.must(['nft', '-f', '-'], masquerading);
    await pair.run();
    await makeContent(pair.content, 'file', 5_000_000);
    const slow = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file?rate=2000000`);
    await slow.has(100_000);
    const [session] = await pair.a.sessions({ service: 'demo/web' });
    await slow.cancel();
    assert.equal(session?.client?.address, addresses.client.v4);
    assert.equal(session?.tenant, 'office');
  });

  it('that drop what connection tracking calls invalid let native TCP and everything else pass', async () => {
    const stateful = `table ip fw {
      chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ct state new accept
        ct state invalid counter drop
      }
    }`;
    await pair.sites.core.must(['nft', '-f', '-'], stateful);
    await pair.run();
    const content = await makeContent(pair.content, 'file', 20_000_000);
    const got = await download(pair.sites.client, `http://${services.web.v4}/file`, pair.sites.folder);
    assert.deepEqual([got.code, got.sha256], [0, content.sha256], got.stderr);
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000', rounds: 10 };
    assert.equal((await askUdp(pair.sites.client, asking)).received, 10);
    const rules = await pair.sites.core.must(['nft', 'list', 'table', 'ip', 'fw']);
    assert.match(rules, /ct state invalid counter packets 0 /);
  });
});
