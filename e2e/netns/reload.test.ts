import assert from 'node:assert/strict';
import { engineBuildTime } from '../harness/engine-build.ts';
import { eventually, now } from '../harness/eventually.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { askUdp, type Content, makeContent } from '../harness/traffic.ts';

describe('a resource file that is edited', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;
  let content: Content;

  beforeEach(async () => {
    pair = await Pair.start();
    content = await makeContent(pair.content, 'file', 16_000_000);
  });
  afterEach(() => pair?.remove());

  const echoes = async (): Promise<boolean> => {
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000' };
    return (await askUdp(pair.sites.client, asking)).received === 1;
  };

  it('changes the fabric within a second and touches no other session', async () => {
    const download = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file?rate=4000000`);
    await download.has(1_000_000);
    assert.ok(await echoes());
    const version = (await pair.a.status()).config?.version ?? 0n;
    const edited = now();
    const text = await pair.a.readFile('resources/services.yaml');
    const [beforeEcho, echo = ''] = text.split('  name: echo\n');
    await pair.a.edit(
      'resources/services.yaml',
      text,
      `${beforeEcho}  name: echo\n${echo.replace('office', 'guests')}`,
    );
    await eventually('the new configuration is in force', async () => {
      const { config } = await pair.a.status();
      return (config !== undefined && config.version > version) || undefined;
    });
    const took = now() - edited;
    assert.ok(took < 1000, `it took ${took.toFixed(0)} ms`);
    assert.equal(await echoes(), false, 'the revoked access still works');
    const asGuest = { from: addresses.guest.v4, to: services.echo.v4, ports: '9000' };
    assert.equal((await askUdp(pair.sites.client, asGuest)).received, 0, 'the egress has not been told and refuses');
    const { code, sha256 } = await download.finished();
    assert.deepEqual([code, sha256], [0, content.sha256]);
  });

  it('ends the sessions of an access that is taken away', async () => {
    const download = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file?rate=1000000`);
    await download.has(500_000);
    await pair.a.edit('resources/services.yaml', '- tenant: office', '- tenant: guests');
    const { code } = await download.finished();
    assert.notEqual(code, 0);
    await eventually('the session is gone', async () => {
      const left = await pair.a.sessions({ service: 'demo/web' });
      return left.length === 0 || undefined;
    });
  });

  it('is refused with file, line and field when it is wrong, and the former state goes on', async () => {
    await pair.a.edit('resources/services.yaml', '      port: 80\n', '      port: 80\n      colour: red\n');
    const file = 'services\\.yaml:\\d+';
    await pair.a.process.hasPrinted(new RegExp(`${file}.*spec\\.ports\\[0\\]\\.colour`));
    assert.ok(await echoes());
    const download = new SlowDownload(pair.sites.client, `http://${services.web.v4}/file`);
    assert.equal((await download.finished()).sha256, content.sha256);
    await pair.a.edit('resources/services.yaml', '      colour: red\n', '');
    await pair.a.process.hasPrinted(/solved/);
  });

  it('is refused as a whole when it is no YAML, and the former state goes on', async () => {
    await pair.a.edit('resources/services.yaml', 'apiVersion', '{ apiVersion');
    await pair.a.process.hasPrinted(/services\.yaml:\d+/);
    assert.ok(await echoes());
  });
});
