import assert from 'node:assert/strict';
import { must } from '../harness/command.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { askUdp, makeContent } from '../harness/traffic.ts';

describe('what a router tells', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  before(async () => {
    pair = await Pair.start();
    await makeContent(pair.content, 'file', 30_000_000);
  });
  after(() => pair?.remove());

  it('of its metrics is what Prometheus expects', async () => {
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000' };
    assert.equal((await askUdp(pair.sites.client, asking)).received, 1);
    const metrics = await pair.sites.routerA.must(['curl', '-sf', 'http://127.0.0.1:9464/metrics']);
    assert.match(metrics, /^quiver_service_packets_total\{service="demo\/echo",direction="forward"\} [1-9]/m);
    assert.match(metrics, /^quiver_dataplane_drops_total\{.*reason="/m);
    // Node's own process metrics have names that promtool does not like.
    const own = metrics.split('\n').filter((line) => /^(# (HELP|TYPE) )?quiver_/.test(line));
    assert.equal(await must(['promtool', 'check', 'metrics'], `${own.join('\n')}\n`), '');
    const ready = await pair.sites.routerA.run(['curl', '-sf', 'http://127.0.0.1:9464/readyz']);
    assert.equal(ready.code, 0);
  });

  it('of a denied conversation names the decision', async () => {
    const route = ['--from', addresses.guest.v4, '--to', `${services.web.v4}:80`];
    const { code, stdout } = await pair.a.cli('explain', ...route, '-o', 'json');
    const { verdict, reason } = JSON.parse(stdout) as { readonly verdict: string; readonly reason: string };
    assert.deepEqual([code, verdict, reason], [1, 'Denied', 'access_denied']);
  });

  it('of an allowed conversation names tenant, service, route, path and ports', async () => {
    const route = ['--from', addresses.client.v4, '--to', `${services.web.v4}:80`];
    const { stdout } = await pair.a.cli('explain', ...route);
    for (const word of ['office', 'demo/web', 'site-b', addresses.waypointB]) assert.ok(stdout.includes(word), stdout);
  });

  it('of its drops has a sentence for each reason', async () => {
    await askUdp(pair.sites.client, { from: addresses.guest.v4, to: services.echo.v4, ports: '9000' });
    const { stdout } = await pair.a.cli('drops');
    assert.match(stdout, /access/);
  });

  it('of its sessions can be filtered', async () => {
    const slow = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file?rate=2000000`);
    await slow.has(100_000);
    const { stdout } = await pair.a.cli('sessions', '--service', 'demo/web', '-o', 'wide');
    const none = await pair.a.cli('sessions', '--service', 'demo/vault');
    await slow.cancel();
    assert.match(stdout, /demo\/web/);
    assert.match(stdout, new RegExp(addresses.waypointB.replaceAll('.', '\\.')));
    assert.ok(!none.stdout.includes('demo/web'), none.stdout);
  });

  it('of packets goes into a capture that tshark reads, with comments', async () => {
    const file = `${pair.sites.folder}/capture.pcapng`;
    const options = ['--count', '6', '--duration', '20s', '--write', file];
    const capture = { hasEnded: false };
    const capturing = pair.a.cli('capture', ...options).finally(() => {
      capture.hasEnded = true;
    });
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000', rounds: 20 };
    // The capture begins at some moment, and ends by itself.
    while (!capture.hasEnded) assert.equal((await askUdp(pair.sites.client, asking)).received, 20);
    const { code, stderr } = await capturing;
    assert.equal(code, 0, stderr);
    const read = ['tshark', '-r', file, '-T', 'fields', '-e', 'frame.number', '-e', 'frame.comment', '-e', 'ip.src'];
    const lines = (await must(read)).trim().split('\n');
    assert.equal(lines.length, 6);
    assert.ok(
      lines.every((line) => (line.split('\t')[1] ?? '') !== ''),
      lines.join('\n'),
    );
  });
});
