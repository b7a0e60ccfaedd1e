import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { silentLogger } from '../logger.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { installBinary } from './binary.ts';
import { CniInstaller, type InstallerDeps } from './installer.ts';

const bridge = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge' }] };

describe('installing the plugin', () => {
  const folder = scratchFolder();
  const installers: CniInstaller[] = [];
  let clock: ManualClock;
  let isReady: boolean;
  const conf = (...names: string[]) => join(folder(), 'net.d', ...names);
  const bin = (...names: string[]) => join(folder(), 'bin', ...names);

  beforeEach(async () => {
    clock = new ManualClock();
    isReady = true;
    await Promise.all([mkdir(conf()), mkdir(bin())]);
    await writeFile(join(folder(), 'plugin'), 'static');
    await installBinary(join(folder(), 'plugin'), bin());
    await writeFile(conf('10-bridge.conflist'), JSON.stringify(bridge));
  });

  afterEach(async () => {
    await Promise.all(installers.splice(0).map((one) => one.stop()));
  });

  async function start(more: Partial<InstallerDeps> = {}): Promise<CniInstaller> {
    const installer = new CniInstaller({
      mode: 'Chained',
      socket: '/run/quiver/cni.sock',
      confDir: conf(),
      binDir: bin(),
      clock,
      logger: silentLogger(),
      isReady: () => isReady,
      ...more,
    });
    installers.push(installer);
    installer.start();
    await installer.idle();
    return installer;
  }

  async function plugins(): Promise<readonly string[]> {
    const { plugins: list } = JSON.parse(await readFile(conf('00-quiver.conflist'), 'utf8')) as typeof bridge;
    return list.map(({ type }) => type);
  }

  /** Lets the news of files arrive. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let turns = 0; !(await holds().catch(() => false)); turns += 1) {
      assert.ok(turns < 100_000, 'it does not happen');
      await setImmediate();
    }
  }

  it('makes a file of its own beside that of the primary, once the node is ready', async () => {
    isReady = false;
    const installer = await start();
    assert.deepEqual(await readdir(conf()), ['10-bridge.conflist']);
    isReady = true;
    installer.check();
    await installer.idle();
    assert.deepEqual(await plugins(), ['bridge', 'quiver-cni']);
    assert.equal((await stat(conf('00-quiver.conflist'))).mode & 0o777, 0o600);
    assert.equal(await readFile(conf('10-bridge.conflist'), 'utf8'), JSON.stringify(bridge));
    assert.equal(installer.installed, '00-quiver.conflist');
    assert.equal((await readdir(conf())).length, 2);
  });

  it('follows the primary: changed, replaced, gone, back', async () => {
    const installer = await start();
    await writeFile(conf('draft'), JSON.stringify({ ...bridge, plugins: [{ type: 'bridge' }, { type: 'tuning' }] }));
    await rename(conf('draft'), conf('10-bridge.conflist'));
    await until(async () => (await plugins()).join() === 'bridge,tuning,quiver-cni');
    await rm(conf('10-bridge.conflist'));
    await until(async () => !(await readdir(conf())).includes('00-quiver.conflist'));
    await until(() => Promise.resolve(installer.notice.startsWith(`there is nothing in ${conf()} to chain to`)));
    await writeFile(conf('05-ptp.conf'), JSON.stringify({ cniVersion: '1.0.0', name: 'x', type: 'ptp' }));
    await until(async () => (await plugins()).join() === 'ptp,quiver-cni');
    await until(() => Promise.resolve(installer.notice === ''));
  });

  it('moves before a primary that sorts before it, and leaves one file', async () => {
    const installer = await start();
    await writeFile(conf('00-a.conflist'), JSON.stringify({ ...bridge, name: 'other' }));
    await until(async () => (await readdir(conf())).includes('00-0-quiver.conflist'));
    await installer.idle();
    clock.advance(15_000);
    await installer.idle();
    assert.deepEqual((await readdir(conf())).toSorted(), [
      '00-0-quiver.conflist',
      '00-a.conflist',
      '10-bridge.conflist',
    ]);
  });

  it('does not write what is there already', async () => {
    const installer = await start();
    const { ino } = await stat(conf('00-quiver.conflist'));
    clock.advance(60_000);
    await installer.idle();
    assert.equal((await stat(conf('00-quiver.conflist'))).ino, ino);
  });

  it('keeps what is in place while somebody writes the primary, and says so when that does not end', async () => {
    await writeFile(conf('87-other.conflist'), JSON.stringify({ ...bridge, plugins: [{ type: 'podman' }] }));
    const installer = await start();
    await writeFile(conf('10-bridge.conflist'), '{"cniVersion": "1.0.0", "na');
    installer.check();
    await installer.idle();
    assert.deepEqual(await plugins(), ['bridge', 'quiver-cni']);
    assert.equal(installer.notice, '');
    clock.advance(15_000);
    await installer.idle();
    assert.match(installer.notice, /^10-bridge\.conflist in .* is no network configuration: correct or remove it$/);
    assert.deepEqual(await plugins(), ['bridge', 'quiver-cni']);
    await writeFile(conf('10-bridge.conflist'), JSON.stringify({ ...bridge, plugins: [{ type: 'ptp' }] }));
    clock.advance(1_000);
    await installer.idle();
    assert.deepEqual(await plugins(), ['ptp', 'quiver-cni']);
    assert.equal(installer.notice, '');
  });

  it('leaves the file of somebody who chained the plugin by hand', async () => {
    const byHand = JSON.stringify({ ...bridge, plugins: [{ type: 'bridge' }, { type: 'quiver-cni' }] });
    await writeFile(conf('10-bridge.conflist'), byHand);
    const installer = await start();
    assert.match(installer.notice, /10-bridge\.conflist in .* holds quiver-cni already/);
    assert.equal(installer.installed, '10-bridge.conflist');
    await installer.remove();
    assert.deepEqual(await readdir(conf()), ['10-bridge.conflist']);
    assert.equal(await readFile(conf('10-bridge.conflist'), 'utf8'), byHand);
  });

  it('leaves everything in place when the agent stops, and takes it over when it starts', async () => {
    await (await start()).stop();
    isReady = false;
    const next = await start();
    assert.equal(next.installed, '00-quiver.conflist');
    assert.deepEqual(await plugins(), ['bridge', 'quiver-cni']);
  });

  it('takes away the configuration and the binary, and nothing else', async () => {
    const installer = await start();
    // Left by an agent that was killed while it wrote.
    await writeFile(conf('00-quiver.conflist.new'), '{');
    await writeFile(bin('quiver-cni.new'), '');
    await installer.remove();
    assert.deepEqual(await readdir(conf()), ['10-bridge.conflist']);
    assert.deepEqual(await readdir(bin()), []);
  });

  it('takes away what was configured before when it is off', async () => {
    await (await start()).stop();
    await start({ mode: 'Off' });
    assert.deepEqual(await readdir(conf()), ['10-bridge.conflist']);
  });

  it('is the whole network where it is primary, with host ports if their plugin is there', async () => {
    await rm(conf('10-bridge.conflist'));
    const installer = await start({ mode: 'Primary' });
    assert.deepEqual(await plugins(), ['quiver-cni']);
    await writeFile(bin('portmap'), '');
    installer.check();
    await installer.idle();
    assert.deepEqual(await plugins(), ['quiver-cni', 'portmap']);
  });

  it('configures no plugin that is not there', async () => {
    await rm(bin('quiver-cni'));
    const installer = await start();
    assert.match(installer.notice, /quiver-cni is not in .*quiver cni install/);
    assert.deepEqual(await readdir(conf()), ['10-bridge.conflist']);
  });

  it('waits for a folder that comes later', async () => {
    await rm(conf(), { recursive: true });
    const installer = await start();
    await mkdir(conf());
    await writeFile(conf('10-bridge.conflist'), JSON.stringify(bridge));
    clock.advance(15_000);
    await installer.idle();
    assert.deepEqual(await plugins(), ['bridge', 'quiver-cni']);
  });

  it('replaces the binary whole, and names what is in the way', async () => {
    assert.equal((await stat(bin('quiver-cni'))).mode & 0o777, 0o755);
    const { ino } = await stat(bin('quiver-cni'));
    await installBinary(join(folder(), 'plugin'), bin());
    assert.notEqual((await stat(bin('quiver-cni'))).ino, ino);
    await assert.rejects(installBinary(join(folder(), 'none'), bin()), {
      code: 'CniUnusable',
      message: /none cannot be copied/,
    });
    await assert.rejects(installBinary(join(folder(), 'plugin'), join(folder(), 'no')), { code: 'CniUnusable' });
  });
});
