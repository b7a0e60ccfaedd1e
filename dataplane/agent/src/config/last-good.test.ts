import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Service } from '@quiver/dataplane-api';
import { silentLogger } from '../logger.ts';
import { identity, materials, sampleCandidate, sampleConfig } from '../testing/sample-config.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { LastGood } from './last-good.ts';

describe('the last good configuration on disk', () => {
  const folder = scratchFolder();

  async function saved(): Promise<LastGood> {
    const lastGood = new LastGood(join(folder(), 'state'), silentLogger());
    await lastGood.prepare();
    await lastGood.save(sampleCandidate(4n, sampleConfig([Service.create({ name: 'prod/db' })])), 0);
    return lastGood;
  }

  it('comes back as it was saved, secrets included', async () => {
    const loaded = await (await saved()).load(identity);
    assert.equal(loaded?.version, 4n);
    assert.equal(loaded.epoch, 7n);
    assert.equal(loaded.origin, 'LastGood');
    assert.equal(loaded.config.services[0]?.name, 'prod/db');
    assert.deepEqual(loaded.secrets.reveal(), materials);
  });

  it('is readable by its owner only and leaves no draft', async () => {
    await saved();
    const place = join(folder(), 'state');
    const names = await readdir(place);
    assert.deepEqual(names.toSorted(), ['last-good-secrets.json', 'last-good.json']);
    const modes = await Promise.all(
      names.map(async (name) => ((await stat(join(place, name))).mode & 0o777).toString(8)),
    );
    assert.deepEqual(modes, ['600', '600']);
    assert.equal(((await stat(place)).mode & 0o777).toString(8), '700');
  });

  it('keeps secret bytes out of the configuration file and out of every text', async () => {
    const lastGood = await saved();
    const text = await readFile(join(folder(), 'state', 'last-good.json'), 'utf8');
    const loaded = await lastGood.load(identity);
    const shown = [text, inspect(loaded?.secrets), JSON.stringify(loaded?.secrets), String(loaded?.secrets)].join('\n');
    for (const { value } of materials) {
      assert.ok(!shown.includes(Buffer.from(value).toString('base64')));
      assert.ok(!shown.includes(Buffer.from(value).toString()));
    }
  });

  it('is not used by another node', async () => {
    assert.equal(await (await saved()).load({ ...identity, node: 'a2' }), undefined);
  });

  it('is not used when a secret was changed behind its back', async () => {
    const lastGood = await saved();
    const file = join(folder(), 'state', 'last-good-secrets.json');
    await writeFile(file, JSON.stringify({ 'fabric-secret-1': Buffer.from('another').toString('base64') }));
    assert.equal(await lastGood.load(identity), undefined);
  });

  it('is not used when the file is damaged', async () => {
    const lastGood = await saved();
    await writeFile(join(folder(), 'state', 'last-good.json'), '{"version": "4", "epo');
    assert.equal(await lastGood.load(identity), undefined);
  });

  it('is absent before anything was saved', async () => {
    assert.equal(await new LastGood(folder(), silentLogger()).load(identity), undefined);
  });

  it('names the folder that cannot be written and the way out', async () => {
    await writeFile(join(folder(), 'file'), '');
    const lastGood = new LastGood(join(folder(), 'file', 'state'), silentLogger());
    await assert.rejects(lastGood.prepare(), { code: 'StateUnusable', message: /state.*--state-dir/ });
  });
});
