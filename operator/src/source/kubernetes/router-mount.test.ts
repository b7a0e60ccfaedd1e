import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts';
import { formatProblem } from '../../translate/problem.ts';
import { RouterMount } from './router-mount.ts';

const router = `apiVersion: config.quiver.dev/v1alpha1
kind: RouterConfig
fabric: corp
router: cluster-a
kubernetes: {}
`;
const secret = 'a'.repeat(64);

describe('mounted settings of a router', () => {
  let folder: TemporaryFolder;
  let mount: RouterMount;

  beforeEach(() => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, 'secret'));
    folder.write('router.yaml', router);
    folder.write('secret/1', `${secret}\n`);
    mount = new RouterMount({
      routerFile: join(folder.path, 'router.yaml'),
      secretsFolder: join(folder.path, 'secret'),
    });
  });

  afterEach(() => folder.remove());

  async function problems(): Promise<string[]> {
    return (await mount.read()).problems.map(formatProblem);
  }

  it('give the RouterConfig and every version of the secret, lowest first', async () => {
    folder.write('secret/10', 'b'.repeat(32));
    folder.write('secret/9', 'c'.repeat(32));
    folder.write('secret/..data', 'nothing');
    folder.write('secret/notes', 'nothing');
    const mounted = await mount.read();
    assert.equal(mounted.router.router, 'cluster-a');
    assert.deepEqual(
      mounted.secrets.map(({ version }) => version),
      [1, 9, 10],
    );
    assert.equal(Buffer.from(mounted.secrets[0]?.reveal() ?? []).toString(), secret);
    assert.deepEqual(mounted.problems, []);
    const again = await mount.read();
    assert.equal(again.secrets, mounted.secrets);
  });

  it('change their signature with every change, and only then', async () => {
    const before = await mount.signature();
    assert.equal(await mount.signature(), before);
    folder.write('secret/2', secret);
    const second = await mount.signature();
    assert.notEqual(second, before);
    folder.write('router.yaml', `${router}controlPort: 1281\n`);
    assert.notEqual(await mount.signature(), second);
  });

  it('stay as they were while a file is broken, and say what is wrong', async () => {
    const before = await mount.read();
    folder.write('router.yaml', router.replace('fabric', 'fabrics'));
    folder.write('secret/2', 'short');
    assert.match((await problems()).join('\n'), /fabrics: is no field of a RouterConfig; did you mean "fabric"\?/);
    assert.match((await problems()).join('\n'), /version 2 has 5 bytes and needs at least 32/);
    rmSync(join(folder.path, 'secret/1'));
    const now = await mount.read();
    assert.equal(now.router, before.router);
    assert.equal(now.secrets, before.secrets);
    rmSync(join(folder.path, 'secret'), { recursive: true });
    assert.match((await problems()).join('\n'), /ENOENT/);
  });

  it('take a secret that was replaced', async () => {
    const before = await mount.read();
    folder.write('secret/1', 'd'.repeat(40));
    const now = await mount.read();
    assert.notEqual(now.secrets[0]?.digest, before.secrets[0]?.digest);
  });

  it('are refused at first when there is no RouterConfig for a cluster', async () => {
    folder.write(
      'router.yaml',
      router.replace('kubernetes: {}', 'nodes: [{name: a, waypoints: [{address: 10.9.8.7}]}]'),
    );
    await assert.rejects(mount.read(), /in a cluster write kubernetes instead of nodes|keySource: is missing/);
    rmSync(join(folder.path, 'router.yaml'));
    await assert.rejects(mount.read(), /router\.yaml.*ENOENT/);
  });

  it('are refused at first when there is no usable secret', async () => {
    rmSync(join(folder.path, 'secret/1'));
    await assert.rejects(mount.read(), /holds no version of the fabric secret; add a key named 1/);
    folder.write('secret/1', 'short');
    await assert.rejects(mount.read(), /version 1 has 5 bytes/);
  });
});
