import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeApiServer, writeKubeconfig } from '../testing/fake-api-server.ts';
import { scratchFolder } from '../testing/scratch.ts';
import type { Cluster } from './cluster.ts';
import { connectCluster } from './connect.ts';

const time = Date.parse('2026-10-24T12:00:00Z');

describe('a cluster of the kubeconfig', () => {
  const folder = scratchFolder();
  let server: FakeApiServer;
  let interruption: AbortController;
  const file = () => join(folder(), 'config');
  const where = { namespace: 'quiver-system', pod: 'agent-1', container: 'agent' };

  beforeEach(async () => {
    server = await FakeApiServer.listen();
    interruption = new AbortController();
    await writeKubeconfig(file(), { first: server, second: server });
  });
  afterEach(() => server.close());

  function connect(
    changed: { context?: string; timeout?: number; env?: Record<string, string> } = {},
  ): Promise<Cluster> {
    const { context, timeout = 5_000, env = { KUBECONFIG: file() } } = changed;
    const world = { env, interrupted: interruption.signal, now: () => time };
    return new Promise((resolve) => resolve(connectCluster({ context, timeout }, world)));
  }

  it('is that of the current context, or the one that is named', async () => {
    assert.equal((await connect()).context, 'first');
    assert.equal((await connect({ context: 'second' })).context, 'second');
    await assert.rejects(connect({ context: 'third' }), /has no context third; it has first, second/);
  });

  it('is looked for in all files of KUBECONFIG, of which the first that has a name counts', async () => {
    const more = join(folder(), 'more');
    await writeKubeconfig(more, { second: server, third: server });
    const env = { KUBECONFIG: `${file()}:${more}` };
    assert.equal((await connect({ env })).context, 'first');
    assert.equal((await connect({ env, context: 'third' })).server, server.url);
  });

  it('says which file is wrong', async () => {
    await writeFile(file(), 'clusters: [');
    await assert.rejects(connect(), /the kubeconfig cannot be read/);
    await assert.rejects(connect({ env: { KUBECONFIG: '/nonexistent/config' } }), /cannot be read: .*nonexistent/);
  });

  it('gives lists whole, page by page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      server.add({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { even: String('bd'.includes(name)) } } });
    const cluster = await connect();
    const names = async (query?: string) =>
      (await cluster.list('/api/v1/nodes', query)).map(({ metadata }) => metadata.name);
    assert.deepEqual(await names(), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(await names(`labelSelector=${encodeURIComponent('even=true')}`), ['b', 'd']);
    assert.equal(await cluster.get('/api/v1/nodes/f'), undefined);
  });

  it('passes on why something is refused', async () => {
    server.refuse = () => ({ status: 403, message: 'nodes is forbidden: User "tester" cannot list resource "nodes"' });
    const refused = {
      message: 'cluster first: nodes is forbidden: User "tester" cannot list resource "nodes"',
      status: 403,
    };
    await assert.rejects((await connect()).list('/api/v1/nodes'), refused);
  });

  it('tells the time of the API server', async () => {
    server.time = time + 90_000;
    const cluster = await connect();
    assert.equal(cluster.now(), time);
    await cluster.list('/api/v1/nodes');
    assert.equal(cluster.now(), time + 90_000);
  });

  it('says which server is not reached', async () => {
    const cluster = await connect();
    await server.close();
    await assert.rejects(
      cluster.list('/api/v1/nodes'),
      /cluster first: http:\/\/127.0.0.1:\d+ is not reached: .*ECONNREFUSED/,
    );
  });

  it('runs a command and gives its output and exit code', async () => {
    server.exec = () => ({ exitCode: 3, stdout: `${'x'.repeat(200_000)}\n`, stderr: 'not so' });
    const { exitCode, stdout, stderr } = await (await connect()).exec(where, ['node', 'a b', '--c']);
    assert.deepEqual({ exitCode, length: stdout.length, stderr }, { exitCode: 3, length: 200_001, stderr: 'not so' });
    assert.deepEqual(server.executed, [{ ...where, command: ['node', 'a b', '--c'] }]);
  });

  it('says what right is missing when no command may be run', async () => {
    server.exec = () => ({ refusal: 403 });
    await assert.rejects((await connect()).exec(where, ['true']), {
      message:
        /no command can be run in pod quiver-system\/agent-1: .*403.* you need the right "create" on "pods\/exec"/,
      status: 403,
    });
  });

  it('gives up a command whose connection breaks', async () => {
    server.exec = () => 'broken';
    await assert.rejects(
      (await connect()).exec(where, ['true']),
      /no command can be run in pod quiver-system\/agent-1/,
    );
  });

  it('gives up a command that does not end in time, and at once when interrupted', async () => {
    server.exec = () => 'never';
    const late = await connect({ timeout: 50 });
    await assert.rejects(late.exec(where, ['true']), /pod quiver-system\/agent-1 did not answer within 0.05 s/);
    const running = (await connect()).exec(where, ['true']);
    interruption.abort('SIGINT');
    await assert.rejects(running, /interrupted/);
  });
});
