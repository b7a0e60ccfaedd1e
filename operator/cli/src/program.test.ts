import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StatusResponse } from '@quiver/dataplane-api';
import { FakeNode } from './testing/fake-node.ts';
import { runQuiver } from './testing/run-quiver.ts';
import { scratchFolder } from './testing/scratch.ts';

describe('the command line', () => {
  const folder = scratchFolder();

  it('prints help on stdout and succeeds', async () => {
    const { code, stdout, stderr } = await runQuiver(['--help']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const name of [
      'standalone',
      'agent',
      'translate',
      'validate',
      'status',
      'sessions',
      'explain',
      'drops',
      'capture',
    ])
      assert.match(stdout, new RegExp(`^ {2}${name}`, 'm'));
  });

  it('suggests the command that was meant, with exit code 2', async () => {
    const { code, stdout, stderr } = await runQuiver(['sesions']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(stderr, "unknown command 'sesions'\n(Did you mean sessions?)\n");
  });

  it('suggests the flag that was meant, with exit code 2', async () => {
    const { code, stderr } = await runQuiver(['sessions', '--tenat', 'office']);
    assert.equal(code, 2);
    assert.equal(stderr, "unknown option '--tenat'\n(Did you mean --tenant?)\n");
  });

  it('refuses an output format that a command does not have', async () => {
    const { code, stderr } = await runQuiver(['sessions', '-o', 'xml']);
    assert.equal(code, 2);
    assert.match(stderr, /Allowed choices are table, wide, json, yaml, name/);
  });

  it('says that no router runs here and what to do', async () => {
    const { code, stderr } = await runQuiver(['status'], { runDir: folder() });
    assert.equal(code, 1);
    assert.match(stderr, /^no router runs here.*--socket\n$/);
  });

  it('asks the only router that runs here without being told', async () => {
    const node = await FakeNode.listen(join(folder(), 'a.sock'));
    await writeFile(join(folder(), 'a.operator.sock'), '');
    node.status = StatusResponse.create({ ready: true });
    assert.equal((await runQuiver(['status'], { runDir: folder() })).code, 0);
    node.close();
  });

  it('wants to be told which one when several run here', async () => {
    for (const name of ['a.sock', 'b.sock']) await writeFile(join(folder(), name), '');
    const { code, stderr } = await runQuiver(['status'], { runDir: folder() });
    assert.equal(code, 2);
    assert.match(stderr, /several routers.*a\.sock.*b\.sock/);
  });

  it('takes the socket from the environment, and the flag before it', async () => {
    const env = { QUIVER_SOCKET: '/nowhere/env.sock' };
    assert.match((await runQuiver(['status'], { env })).stderr, /there is no socket \/nowhere\/env\.sock/);
    const flag = ['status', '--socket', '/nowhere/flag.sock'];
    assert.match((await runQuiver(flag, { env })).stderr, /there is no socket \/nowhere\/flag\.sock/);
  });

  it('says so when nothing answers at a socket that is left over', async () => {
    const path = join(folder(), 'left.sock');
    await writeFile(path, '');
    const { code, stderr } = await runQuiver(['status', '--socket', path]);
    assert.equal(code, 1);
    assert.match(stderr, /^no router runs behind .*left\.sock/);
  });

  it('passes on the sentence of a node that cannot answer', async () => {
    const path = join(folder(), 'a.sock');
    const node = await FakeNode.listen(path);
    node.failure = 'a worker did not answer within two seconds; try again';
    const { code, stderr } = await runQuiver(['sessions', '--socket', path]);
    assert.deepEqual([code, stderr], [1, `${node.failure}\n`]);
    node.close();
  });

  it('prints its version, and tells when the router has another one', async () => {
    const path = join(folder(), 'a.sock');
    const node = await FakeNode.listen(path);
    node.status = StatusResponse.create({ agentVersion: '0.2.0' });
    const { stdout, stderr } = await runQuiver(['version', '--socket', path]);
    assert.equal(stdout, 'Client: 0.1.0\nAgent:  0.2.0\n');
    assert.match(stderr, /another version/);
    const json = await runQuiver(['version', '-o', 'json', '--socket', path]);
    assert.deepEqual(JSON.parse(json.stdout), { client: '0.1.0', agent: '0.2.0' });
    node.close();
    assert.equal((await runQuiver(['version'], { runDir: folder() })).stdout, 'Client: 0.1.0\n');
    assert.equal((await runQuiver(['version', '--client', '-o', 'yaml'])).stdout, 'client: 0.1.0\n');
  });

  it('completes commands and their flags in each shell', async () => {
    await mkdir(join(folder(), 'x'));
    const { stdout: bash } = await runQuiver(['completion', 'bash']);
    assert.match(bash, /words="standalone agent /);
    assert.match(bash, /sessions\) words="[^"]*--tenant[^"]*--watch/);
    assert.match((await runQuiver(['completion', 'zsh'])).stdout, /bashcompinit/);
    assert.match((await runQuiver(['completion', 'fish'])).stdout, /__fish_seen_subcommand_from drops' -l all/);
    assert.equal((await runQuiver(['completion', 'cmd'])).code, 2);
  });

  it('completes for kubectl: commands, flags, values, and files where nothing else can stand', async () => {
    const complete = async (...words: string[]) => (await runQuiver(['__complete', ...words])).stdout.split('\n');
    const names = (await complete('s')).map((line) => line.split('\t')[0]);
    assert.deepEqual(names, ['standalone', 'status', 'sessions', 'support-bundle', ':4', '']);
    assert.deepEqual(await complete('sessions', '--te'), ['--tenant\tof this tenant only', ':4', '']);
    assert.match((await complete('sessions', '--conte')).join(), /^--context\t/);
    assert.deepEqual(await complete('sessions', '-o', 'y'), ['yaml', ':4', '']);
    assert.deepEqual(await complete('validate', '-f', ''), [':0', '']);
  });
});
