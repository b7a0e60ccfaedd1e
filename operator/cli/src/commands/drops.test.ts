import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DropsResponse } from '@quiver/dataplane-api';
import { FakeNode } from '../testing/fake-node.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

const drops = (denied: bigint, stale = 0n) =>
  DropsResponse.create({
    drops: [
      { number: 12, reason: 'no_tenant', description: 'The source belongs to no tenant.', packets: 1n },
      { number: 17, reason: 'access_denied', description: 'The service does not admit the tenant.', packets: denied },
      { number: 36, reason: 'metadata_stale', description: 'The clocks differ too much.', packets: stale },
    ],
  });

describe('quiver drops', () => {
  const folder = scratchFolder();
  let node: FakeNode;

  beforeEach(async () => {
    node = await FakeNode.listen(join(folder(), 'a.sock'));
    node.drops = [drops(7n)];
  });
  afterEach(() => node.close());

  const run = (...args: string[]) => runQuiver(['drops', '--socket', join(folder(), 'a.sock'), ...args]);

  it('names what occurred, the most frequent first, with a sentence each', async () => {
    assert.equal(
      (await run()).stdout,
      [
        'REASON          PACKETS   MEANING',
        'access_denied   7         The service does not admit the tenant.',
        'no_tenant       1         The source belongs to no tenant.',
        '',
      ].join('\n'),
    );
  });

  it('names every reason there is when asked', async () => {
    const { stdout } = await run('--all', '-o', 'name');
    assert.equal(stdout, 'drop/access_denied\ndrop/no_tenant\ndrop/metadata_stale\n');
  });

  it('prints for programs', async () => {
    const { stdout } = await run('-o', 'json');
    const { drops: read } = JSON.parse(stdout) as { drops: { reason: string; packets: string }[] };
    assert.deepEqual(
      read.map(({ reason, packets }) => `${reason} ${packets}`),
      ['access_denied 7', 'no_tenant 1'],
    );
  });

  it('says on stderr that nothing was dropped', async () => {
    node.drops = [DropsResponse.create()];
    assert.deepEqual(await run(), { code: 0, stdout: '', stderr: 'no packet was dropped\n' });
  });

  it('goes on with a line for each reason that occurs again', async () => {
    node.drops = [drops(7n), drops(7n), drops(9n, 2n)];
    const interruption = new AbortController();
    let pauses = 0;
    const { stdout } = await runQuiver(['drops', '-w', '--socket', join(folder(), 'a.sock')], {
      interrupted: interruption.signal,
      pause: () => {
        pauses += 1;
        if (pauses === 4) interruption.abort('SIGINT');
        return Promise.resolve();
      },
    });
    assert.deepEqual(
      stdout
        .split('\n')
        .slice(3)
        .map((line) => line.split(/ {3,}/).slice(0, 2).join(' ')),
      ['access_denied 9', 'metadata_stale 2', ''],
    );
  });
});
