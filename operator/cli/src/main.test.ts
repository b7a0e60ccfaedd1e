import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DropsResponse } from '@quiver/dataplane-api';
import { FakeNode } from './testing/fake-node.ts';
import { scratchFolder } from './testing/scratch.ts';

const main = join(import.meta.dirname, 'main.ts');

describe('the program quiver', function () {
  this.timeout(20_000);
  const folder = scratchFolder();

  function start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  it('gives the exit codes of its commands', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    const version = run('version', '--client');
    assert.deepEqual([version.status, version.stdout, version.stderr], [0, 'Client: 0.1.0\n', '']);
    assert.equal(run('status', '--socket', '/nowhere').status, 1);
    assert.equal(run('status', '--sokcet', '/nowhere').status, 2);
  });

  it('ends a watch on an interrupt with 130', async () => {
    const socket = join(folder(), 'a.sock');
    const node = await FakeNode.listen(socket);
    node.drops = [DropsResponse.create({ drops: [{ reason: 'no_tenant', packets: 1n }] })];
    const child = start('drops', '--watch', '--socket', socket);
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [130, null]);
    node.close();
  });

  it('is silent when its reader has seen enough', async () => {
    const child = start('completion', 'bash');
    child.stdout!.destroy();
    const errors: Buffer[] = [];
    child.stderr!.on('data', (chunk: Buffer) => errors.push(chunk));
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(Buffer.concat(errors).toString(), '');
  });
});
