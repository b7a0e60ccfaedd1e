import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.ts';
import { ROOT } from './stage.ts';

describe('bundled programs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-bundle-'));
  const plugin = join(folder, 'alone', 'kubectl-quiver');
  before(async () => {
    const names = await bundle({ out: folder });
    assert.ok(names.includes('quiver.mjs') && names.includes('kubectl-quiver'), names.join());
    mkdirSync(dirname(plugin));
    copyFileSync(join(folder, 'kubectl-quiver'), plugin);
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(program: string, ...args: readonly string[]) {
    const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    return spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
  }

  it('are one file that runs wherever it is copied', () => {
    const { status, stdout, stderr } = run(plugin, 'version', '--client');
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^Client: \d+\.\d+\.\d+\n/);
  });

  it('carry the definitions of the API', () => {
    const file = join(ROOT, 'crds/examples/minimum.yaml');
    const { status, stdout } = run(plugin, 'validate', '-f', file);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
  });
});
