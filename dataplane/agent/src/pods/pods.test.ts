import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalPod, NodeConfig, Tenant } from '@quiver/dataplane-api';
import { silentLogger } from '../logger.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { Pods } from './pods.ts';

const web: LocalPod = { uid: 'u1', namespace: 'prod', name: 'web-0', tenant: 'web', addresses: [] };
const first = { containerId: 'c1', interface: 'eth0' };

describe('what is known of pods', () => {
  const folder = scratchFolder();
  let clock: ManualClock;
  let changes: number;

  beforeEach(() => {
    clock = new ManualClock();
    changes = 0;
  });

  async function make(): Promise<Pods> {
    const changed = () => void (changes += 1);
    const pods = new Pods({ folder: folder(), clock, logger: silentLogger(), changed });
    await pods.load();
    return pods;
  }

  const config = (...list: LocalPod[]) => NodeConfig.create({ pods: list, tenants: [Tenant.create({ name: 'web' })] });

  it('outlives the process', async () => {
    const pods = await make();
    await pods.bind(first, web, ['10.1.0.7']);
    assert.equal(changes, 1);
    const later = await make();
    assert.deepEqual(later.adapt(config(web)).tenants[0]?.members, [{ cidr: '10.1.0.7/32', interface: '' }]);
    await later.bind({ ...first, containerId: 'c2' }, web, ['10.1.0.8']);
    assert.deepEqual(
      later.bindings.map(({ order }) => order),
      [1, 2],
    );
  });

  it('ends with the interface, more than once, and for unknown ones', async () => {
    const pods = await make();
    await pods.bind(first, web, ['10.1.0.7']);
    await pods.end(first);
    await pods.end(first);
    await pods.end({ containerId: 'unknown', interface: 'eth0' });
    assert.equal(changes, 2);
    assert.equal(pods.find(first), undefined);
    const later = await make();
    assert.deepEqual(later.adapt(config({ ...web, addresses: ['10.1.0.7'] })).tenants[0]?.members, []);
  });

  it('of a pod without uid is forgotten at once when it ends', async () => {
    const pods = await make();
    await pods.bind(first, { uid: '', namespace: '', name: '' }, ['10.1.0.7']);
    await pods.end(first);
    assert.deepEqual(pods.bindings, []);
  });

  it('is reduced to the interfaces that a runtime names', async () => {
    const pods = await make();
    await pods.bind(first, web, ['10.1.0.7']);
    await pods.bind({ ...first, containerId: 'c2' }, { ...web, uid: 'u2' }, ['10.1.0.8']);
    await pods.keepOnly([first]);
    assert.deepEqual(
      pods.bindings.map(({ isEnded }) => isEnded),
      [false, true],
    );
  });

  it('is forgotten five minutes after the operator last named the pod, and not before', async () => {
    const pods = await make();
    await pods.bind(first, web, ['10.1.0.7']);
    pods.prune(config());
    clock.advance(200_000);
    pods.prune(config(web));
    pods.prune(config());
    clock.advance(299_999);
    pods.prune(config());
    assert.equal(pods.bindings.length, 1);
    clock.advance(1);
    pods.prune(config());
    assert.deepEqual(pods.bindings, []);
    await pods.close();
    assert.equal((await make()).bindings.length, 0);
  });

  it('is forgotten of a pod without uid by its names, and never of a container that is no pod', async () => {
    const pods = await make();
    await pods.bind(first, { uid: '', namespace: 'prod', name: 'web-0' }, ['10.1.0.7']);
    await pods.bind({ ...first, containerId: 'c2' }, { uid: '', namespace: '', name: '' }, ['10.1.0.8']);
    pods.prune(config(web));
    clock.advance(300_000);
    pods.prune(config(web));
    assert.equal(pods.bindings.length, 2);
    pods.prune(config());
    clock.advance(300_000);
    pods.prune(config());
    assert.deepEqual(
      pods.bindings.map(({ containerId }) => containerId),
      ['c2'],
    );
    await pods.close();
  });

  it('tells how far the engine is with a pod', async () => {
    const pods = await make();
    assert.equal(pods.progress(web, ['10.1.0.7']), 'NotInConfiguration');
    pods.applied(config(web));
    assert.equal(pods.progress(web, ['10.1.0.7']), 'NotInEngine');
    await pods.bind(first, web, ['10.1.0.7']);
    pods.applied(pods.adapt(config(web)));
    assert.equal(pods.progress(web, ['10.1.0.7']), 'Known');
    assert.equal(pods.progress(web, ['10.1.0.7', '10.1.0.8']), 'NotInEngine');
    pods.applied(config({ ...web, tenant: '' }));
    assert.equal(pods.progress(web, ['10.9.9.9']), 'Known');
  });

  it('is waited for until the engine has it, or the time is over', async () => {
    const pods = await make();
    const wait = () =>
      pods.waitFor(5_000, (isLast) => {
        const progress = pods.progress(web, []);
        return progress === 'Known' || isLast ? progress : undefined;
      });
    const late = wait();
    clock.advance(5_000);
    assert.equal(await late, 'NotInConfiguration');
    const soon = wait();
    pods.applied(config(web));
    assert.equal(await soon, 'Known');
    assert.equal(clock.waiting, 0);
  });

  it('begins anew when the file is damaged', async () => {
    await writeFile(join(folder(), 'pods.json'), '{"bindings": [{}]}');
    const pods = await make();
    assert.deepEqual(pods.bindings, []);
    await pods.bind(first, web, ['10.1.0.7']);
    await pods.remove();
    await assert.rejects(readFile(join(folder(), 'pods.json')), { code: 'ENOENT' });
  });

  it('is not taken when the disk refuses it', async () => {
    const pods = new Pods({
      folder: join(folder(), 'missing'),
      clock,
      logger: silentLogger(),
      changed: () => undefined,
    });
    await assert.rejects(pods.bind(first, web, ['10.1.0.7']), { code: 'ENOENT' });
    await pods.end(first);
  });
});
