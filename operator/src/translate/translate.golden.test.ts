import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { loadCrds } from '../schema/index.ts';
import { goldenOutput } from '../testing/golden-case.ts';
import { problemReasons } from './problem.ts';

const folder = join(import.meta.dirname, 'testdata');
const isRewriting = env['QUIVER_UPDATE_GOLDEN'] === '1';
const names = readdirSync(folder).flatMap((name) => /^(.*)\.in\.yaml$/.exec(name)?.[1] ?? []);

/** Seen only where files are read: they have tests beside the source. */
const reasonsOfReading = new Set(['FileUnreadable', 'SecretUnusable']);

describe('translation by example', () => {
  const crds = loadCrds();

  for (const name of names) {
    it(name.replaceAll('-', ' '), () => {
      const actual = goldenOutput(readFileSync(join(folder, `${name}.in.yaml`), 'utf8'), crds);
      const file = join(folder, `${name}.out.yaml`);
      if (isRewriting) writeFileSync(file, actual);
      assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : 'no .out.yaml; run: npm run golden');
    });
  }

  it('has an example for every reason of a problem', () => {
    const outputs = names.map((name) => readFileSync(join(folder, `${name}.out.yaml`), 'utf8')).join('\n');
    const shown = new Set([...outputs.matchAll(/\((\w+)\)['"]?$/gm)].map(([, reason]) => reason));
    const missing = Object.keys(problemReasons).filter((reason) => !shown.has(reason) && !reasonsOfReading.has(reason));
    assert.deepEqual(missing, []);
  });

  it('has no output without its input', () => {
    const outputs = readdirSync(folder).flatMap((name) => /^(.*)\.out\.yaml$/.exec(name)?.[1] ?? []);
    assert.deepEqual(
      outputs.filter((name) => !names.includes(name)),
      [],
    );
  });
});
