import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

describe('quiver cni', () => {
  const folder = scratchFolder();
  const at = (...names: string[]) => join(folder(), ...names);
  const places = () => ['--bin-dir', at('bin'), '--conf-dir', at('net.d')];

  beforeEach(async () => {
    await Promise.all([mkdir(at('bin')), mkdir(at('net.d'))]);
    await writeFile(at('plugin'), 'static');
    await writeFile(at('net.d', '10-other.conflist'), '{"name": "x", "plugins": [{"type": "bridge"}]}');
  });

  it('install copies the plugin and says where to', async () => {
    const ran = await runQuiver(['cni', 'install', '--bin-dir', at('bin'), '--binary', at('plugin')]);
    assert.deepEqual([ran.code, ran.stdout], [0, `Installed ${at('bin', 'quiver-cni')}\n`]);
    assert.equal((await stat(at('bin', 'quiver-cni'))).mode & 0o777, 0o755);
  });

  it('install names what is in the way', async () => {
    const ran = await runQuiver(['cni', 'install', '--bin-dir', at('none'), '--binary', at('plugin')]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /plugin cannot be copied to .*none\/quiver-cni: ENOENT/);
  });

  it('install waits for a file that somebody else is about to write, but not for ever', async () => {
    const install = ['cni', 'install', '--bin-dir', at('bin'), '--binary', at('plugin'), '--await', at('ca.crt')];
    const pauses: number[] = [];
    const pause = (time: number) => Promise.resolve(void pauses.push(time));
    const never = await runQuiver(install, { pause });
    assert.equal(never.stdout.split('\n')[1], `${at('ca.crt')} is not there yet`);
    assert.equal(
      pauses.reduce((sum, time) => sum + time),
      10_000,
    );
    const later = await runQuiver(install, { pause: () => writeFile(at('ca.crt'), 'x') });
    assert.deepEqual([later.code, later.stdout], [0, `Installed ${at('bin', 'quiver-cni')}\n`]);
  });

  it('uninstall removes what is ours, the configuration first, and nothing else', async () => {
    await runQuiver(['cni', 'install', '--bin-dir', at('bin'), '--binary', at('plugin')]);
    await writeFile(at('net.d', '00-quiver.conflist'), '{"name": "x", "plugins": [{"type": "quiver-cni"}]}');
    const ran = await runQuiver(['cni', 'uninstall', ...places()]);
    assert.deepEqual(ran.stdout.trim().split('\n'), [
      `Removed ${at('net.d', '00-quiver.conflist')}`,
      `Removed ${at('bin', 'quiver-cni')}`,
    ]);
    assert.deepEqual(await readdir(at('net.d')), ['10-other.conflist']);
    assert.equal((await runQuiver(['cni', 'uninstall', ...places()])).stdout, 'There was nothing to remove.\n');
  });
});
