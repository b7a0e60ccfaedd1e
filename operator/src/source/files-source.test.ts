import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { QuiverError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { Eventually } from '../testing/eventually.ts';
import { crds, peerYaml, routerYaml, serviceYaml, tenantYaml } from '../testing/example.ts';
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts';
import { formatProblem } from '../translate/problem.ts';
import { FilesReader } from './files-reader.ts';
import { FilesSource } from './files-source.ts';
import type { Snapshot, Subscription } from './resource-source.ts';

const secret = '0123456789abcdef0123456789abcdef\n';

describe('resources from files', () => {
  let folder: TemporaryFolder;
  let resources: string;
  let routerFile: string;
  let subscription: Subscription | undefined;

  beforeEach(() => {
    folder = temporaryFolder();
    resources = join(folder.path, 'resources');
    mkdirSync(resources);
    routerFile = folder.write('router.yaml', routerYaml);
    folder.write('secret', secret);
    folder.write('resources/tenant.yaml', tenantYaml);
  });

  afterEach(() => {
    subscription?.close();
    folder.remove();
  });

  async function subscribe(): Promise<Eventually<Snapshot>> {
    const snapshots = new Eventually<Snapshot>();
    const source = new FilesSource({
      routerFile,
      resources: [resources],
      crds,
      clock: systemClock(),
      logger: silentLogger(),
    });
    subscription = await source.subscribe(snapshots.push);
    return snapshots;
  }

  it('gives the present state before subscribing ends', async () => {
    const snapshots = await subscribe();
    assert.deepEqual(
      snapshots.seen[0]?.tenants.map(({ metadata }) => metadata.name),
      ['web.prod'],
    );
    assert.deepEqual(snapshots.seen[0]?.problems, []);
  });

  it('sees an edited, a new, a renamed and a removed file within a second', async () => {
    const snapshots = await subscribe();
    const steps: readonly (readonly [() => void, (snapshot: Snapshot) => boolean])[] = [
      [
        () => folder.write('resources/tenant.yaml', tenantYaml.replace('10.1', '10.2')),
        ({ tenants }) => JSON.stringify(tenants).includes('10.2'),
      ],
      [() => folder.write('resources/service.yml', serviceYaml), ({ services }) => services.length === 1],
      [
        () => renameSync(join(resources, 'service.yml'), join(resources, '.service.yml')),
        ({ services, tenants }) => services.length === 0 && JSON.stringify(tenants).includes('10.2'),
      ],
      [() => rmSync(join(resources, 'tenant.yaml')), ({ tenants }) => tenants.length === 0],
    ];
    const clock = systemClock();
    for (const [change, isSeen] of steps) {
      const fresh = new Set(snapshots.seen);
      const begin = clock.now();
      change();
      await snapshots.first((snapshot) => !fresh.has(snapshot) && isSeen(snapshot));
      assert.ok(clock.now() - begin < 1000, `took ${clock.now() - begin} ms`);
    }
  });

  it('reports a broken file with its place while the last good state goes on', async () => {
    folder.write('resources/service.yaml', serviceYaml);
    const snapshots = await subscribe();
    folder.write('resources/service.yaml', serviceYaml.replace('access:', 'acess:'));
    const broken = await snapshots.first(({ problems }) => problems.length > 0);
    assert.equal(broken.services[0]?.spec.access?.length, 1);
    assert.deepEqual(broken.problems.map(formatProblem), [
      `${join(resources, 'service.yaml')}:6: Service prod/db: spec.acess: is not a known field: did you mean "access"?; Service prod/db stays as it was (InvalidObject)`,
    ]);
    folder.write('resources/service.yaml', serviceYaml);
    await snapshots.first(
      (snapshot) => snapshots.seen.indexOf(snapshot) > snapshots.seen.indexOf(broken) && snapshot.problems.length === 0,
    );
  });

  it('keeps the router as it was while its file is broken', async () => {
    const snapshots = await subscribe();
    folder.write('router.yaml', `${routerYaml}metadat: Signed\n`);
    const broken = await snapshots.first(({ problems }) => problems.length > 0);
    assert.equal(broken.router.metadata, 'Sealed');
    assert.match(broken.problems.map(formatProblem).join(), /router\.yaml:8: .*metadat: .*did you mean "metadata"\?/);
    folder.write('router.yaml', `${routerYaml}metadata: Signed\n`);
    await snapshots.first(({ router }) => router.metadata === 'Signed');
  });

  it('takes a new fabric secret when its file changes', async () => {
    const snapshots = await subscribe();
    const before = snapshots.seen[0]?.secrets[0]?.digest;
    folder.write('secret', `${secret.trim()}fedcba98\n`);
    const after = await snapshots.first(({ secrets }) => secrets[0]?.digest !== before);
    assert.equal(Buffer.from(after.secrets[0]?.reveal() ?? []).toString(), `${secret.trim()}fedcba98`);
  });

  it('tells where a field of a resource was written', async () => {
    const snapshots = await subscribe();
    const location = snapshots.seen[0]?.locate({ kind: 'Tenant', name: 'web.prod' }, 'spec.members[0].cidrs[0]');
    assert.deepEqual(location, { file: join(resources, 'tenant.yaml'), line: 5 });
    assert.equal(snapshots.seen[0]?.locate({ kind: 'Tenant', name: 'nobody' }, ''), undefined);
  });

  it('cannot begin without a usable router file, secret or directory', async () => {
    const reader = (settings: { routerFile?: string; resources?: string[] }) =>
      new FilesReader({ routerFile, resources: [resources], crds, ...settings }).read();
    const isUnreadable = (pattern: RegExp) => (error: unknown) =>
      error instanceof QuiverError && error.code === 'SourceUnreadable' && pattern.test(error.message);
    await assert.rejects(
      reader({ routerFile: join(folder.path, 'absent.yaml') }),
      isUnreadable(/absent\.yaml.*FileUnreadable/),
    );
    await assert.rejects(reader({ resources: [join(folder.path, 'absent')] }), isUnreadable(/absent/));
    folder.write('secret', 'short');
    await assert.rejects(reader({}), isUnreadable(/7: .*has 5 bytes and needs at least 32.*SecretUnusable/));
    rmSync(join(folder.path, 'secret'));
    await assert.rejects(subscribe(), isUnreadable(/secret.*SecretUnusable/));
  });

  it('reads single files, folders below folders, and never the router file as a resource', async () => {
    mkdirSync(join(folder.path, 'resources/more'));
    const peer = folder.write('resources/more/peer.yaml', peerYaml);
    const all = await new FilesReader({ routerFile, resources: [folder.path], crds }).read();
    assert.deepEqual([all.tenants.length, all.peers.length, all.problems.length], [1, 1, 0]);
    const one = await new FilesReader({ routerFile, resources: [peer], crds }).read();
    assert.deepEqual([one.tenants.length, one.peers.length], [0, 1]);
  });
});
