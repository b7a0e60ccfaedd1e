import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chartFolder, install, release } from '../cluster/install.ts';
import { must } from '../harness/command.ts';
import { fabricSecret, installAgain, loadedImages } from '../setup/e2e-lab.ts';
import { ROOT } from '../setup/stage.ts';
import { scenarioTime } from './support/fabric.ts';
import { tell } from './support/figures.ts';
import { LiveConnections } from './support/live-connections.ts';
import { Shop } from './support/shop.ts';

const COUNT = 50;

describe('an upgrade of the chart', function () {
  this.timeout(scenarioTime);
  let shop: Shop;
  let folder: string;

  before(async () => {
    shop = await Shop.open({ name: 'upgrade' });
    folder = mkdtempSync(join(tmpdir(), 'quiver-chart-'));
  });
  after(async () => {
    await shop?.close();
    await rm(folder, { recursive: true, force: true });
    await installAgain();
  });

  for (const major of ['helm4', 'helm3'] as const) {
    it(`and the way back by ${major} keep every connection`, async function () {
      const { lab, alpha, beta } = shop.fabric;
      const helm = lab.tools[major];
      const images = loadedImages(lab);
      const options = { helm, images, secret: fabricSecret(lab) };
      const version = major === 'helm4' ? '0.0.1' : '0.0.2';
      await must([helm, 'package', chartFolder(ROOT), '--version', version, '--destination', folder]);
      await install(alpha.cluster, { ...options, chart: join(folder, `quiver-${version}.tgz`) });
      const { namespace } = shop;
      const live = await LiveConnections.open(alpha, {
        namespace,
        name: `live-${major}`,
        host: 'echo',
        port: 7,
        count: COUNT,
        node: 'alpha2',
      });
      // Everything is replaced: the same content under another tag.
      const next = images.map((image) => ({ ...image, tag: `${image.tag}-${major}` }));
      for (const site of [alpha, beta]) {
        for (const image of images.filter(({ target }) => target !== 'cli')) {
          await site.cluster.tagImage(`${image.repository}:${image.tag}`, `${image.repository}:${image.tag}-${major}`);
        }
      }
      const chart = chartFolder(ROOT);
      // One after the other: a session is lost when both of its ends forget it at one moment.
      for (const site of [alpha, beta]) {
        await install(site.cluster, { ...options, chart, images: next });
        await live.goOn();
      }
      const where = ['--namespace', release.namespace];
      const waiting = ['--wait', '--timeout', '180s'];
      await must(alpha.cluster.asUser([helm, 'rollback', release.name, ...where, ...waiting]));
      const { live: count, ended, longestGap } = await live.goOn();
      tell(this.test, `${count} of ${COUNT} connections, longest gap ${longestGap} ms`);
      assert.deepEqual([count, ended], [COUNT, []]);
      assert.ok(longestGap < 45_000, `a connection was silent for ${longestGap} ms`);
      await alpha.ready([shop.web, shop.echo], 'Ready', 60_000);
    });
  }
});
