import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchFolder } from '../testing/scratch.ts';
import { DurableFile } from './durable-file.ts';

describe('a file that follows what is in memory', () => {
  const folder = scratchFolder();

  it('has everything that was known when it was asked for, in few writings', async () => {
    let known = 0;
    let writings = 0;
    const path = join(folder(), 'state.json');
    const file = new DurableFile(path, () => {
      writings += 1;
      return String(known);
    });
    const saved = Array.from({ length: 20 }, async () => {
      known += 1;
      const atLeast = known;
      await file.save();
      assert.ok(Number(await readFile(path, 'utf8')) >= atLeast);
    });
    await Promise.all(saved);
    await file.idle();
    assert.equal(writings, 2);
    assert.deepEqual(await readdir(folder()), ['state.json']);
  });

  it('tells each who asked that it cannot be written, and tries again when asked', async () => {
    let name = 'missing/state.json';
    const make = () => new DurableFile(join(folder(), name), () => 'x');
    const file = make();
    await Promise.all([
      assert.rejects(file.save(), { code: 'ENOENT' }),
      assert.rejects(file.save(), { code: 'ENOENT' }),
    ]);
    name = 'state.json';
    await make().save();
    assert.equal(await readFile(join(folder(), name), 'utf8'), 'x');
  });
});
