import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { API_VERSION } from '@quiver/operator';
import { samplePlugin } from '../../testing/run-plugin.ts';
import { agentPod, quiverObject } from '../../testing/sample-cluster.ts';
import { scratchFolder } from '../../testing/scratch.ts';
import { redact } from './redact.ts';
import { tarOf } from './tar.ts';

/** What must never leave a cluster. */
const secrets = ['a-secret-of-the-fabric', 'c2VjcmV0IG9mIHRoZSBmYWJyaWM=', 'a-token-of-the-user', 'hunter2'];

describe('kubectl quiver support-bundle', () => {
  const folder = scratchFolder();
  const plugin = samplePlugin(folder);
  const log = '/api/v1/namespaces/quiver-system/pods/quiver-agent-a1/log';

  beforeEach(() => {
    const { server } = plugin().a;
    const metadata = { name: 'quiver-fabric-secret', namespace: 'quiver-system' };
    server.add({ apiVersion: 'v1', kind: 'Secret', metadata, data: { '1': secrets[1] } });
    server.add(
      quiverObject('Service', 'prod/db', { spec: { ports: [] } }),
      event('Service', API_VERSION),
      event('Service', 'v1'),
    );
    server.texts.set(log, '{"level":"info","msg":"started"}\n');
  });

  function event(kind: string, apiVersion: string) {
    const metadata = { name: `db.${apiVersion.replace('/', '.')}`, namespace: 'prod' };
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata,
      involvedObject: { kind, apiVersion, name: 'db' },
      reason: 'NoRoute',
    };
  }

  async function unpacked(...args: readonly string[]) {
    const file = join(folder(), 'out.tar.gz');
    const ran = await plugin().run(['support-bundle', '-f', file, ...args]);
    const target = join(folder(), 'unpacked');
    await mkdir(target);
    const { status, stderr } = spawnSync('tar', ['-xzf', file, '-C', target], { encoding: 'utf8' });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const listed = spawnSync('tar', ['-tzf', file], { encoding: 'utf8' }).stdout.trim().split('\n');
    const read = (path: string) => readFile(join(target, 'out', path), 'utf8');
    return { ran, file, read, names: listed.map((name) => name.replace('out/', '')) };
  }

  it('holds objects, events, states, logs and reports', async () => {
    const { ran, file, read, names } = await unpacked();
    assert.deepEqual({ code: ran.code, stderr: ran.stderr }, { code: 0, stderr: '' });
    assert.match(ran.stdout, /out\.tar\.gz: \d+ files, \d+(\.\d)?Ki\n$/);
    for (const name of ['status.txt', 'diagnose.txt', 'README.txt', 'nodes/a2/sessions.json', 'release/leases.yaml'])
      assert.ok(names.includes(name), `${name} is not among ${names.join()}`);
    assert.match(await read('quiver/services.yaml'), /name: db\n/);
    assert.equal((await read('quiver/services.events.yaml')).match(/reason: NoRoute/g)?.length, 1);
    assert.equal(await read('logs/quiver-agent-a1/agent.log'), '{"level":"info","msg":"started"}\n');
    assert.match(await read('status.txt'), /^Cluster a at /);
    assert.match(await read('diagnose.txt'), /21 checks: /);
    assert.equal(await read('errors.txt'), '');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('holds no secret, and asks for none', async () => {
    const { server } = plugin().a;
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{"password":"hunter2"}' };
    const own = agentPod('a1');
    server.change('quiver-agent-a1', () => ({ ...own, metadata: { ...own.metadata, annotations }, managedFields: {} }));
    const { names, read } = await unpacked();
    const texts = await Promise.all(names.map((name) => read(name)));
    const all = texts.join('\n');
    assert.match(all, /name: FABRIC_TOKEN\n\s+value: \(left out\)/);
    for (const secret of secrets) assert.ok(!all.includes(secret), `${secret} is in the bundle`);
    assert.deepEqual(
      server.requests.filter((path) => /\/secrets(?:$|[/?])/.test(path)),
      [],
    );
  });

  it('says what is missing, and holds the rest', async () => {
    const { a } = plugin();
    a.ends.set('a2', { refusal: 500 });
    a.server.refuse = (path) =>
      path.endsWith('/events') ? { status: 403, message: 'events is forbidden' } : undefined;
    const { ran, read, names } = await unpacked();
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^missing: release\/events: cluster a: events is forbidden$/m);
    const errors = await read('errors.txt');
    assert.match(errors, /^nodes\/a2\/status: no command can be run/m);
    assert.ok(names.includes('nodes/a1/status.json') && !names.includes('nodes/a2/status.json'));
  });

  it('takes the logs of a former life, too', async () => {
    const { server } = plugin().a;
    const own = agentPod('a1');
    const containerStatuses = [{ name: 'agent', restartCount: 2 }];
    server.change('quiver-agent-a1', () => ({ ...own, status: { phase: 'Running', containerStatuses } }));
    const { names } = await unpacked('--log-lines', '10');
    assert.ok(names.includes('logs/quiver-agent-a1/agent.previous.log'));
    assert.ok(server.requests.includes(`${log}?container=agent&tailLines=10&previous=true`));
  });

  it('says that a file cannot be written, and refuses a number of lines that is none', async () => {
    const { run } = plugin();
    const { code, stderr } = await run(['support-bundle', '-f', '/nonexistent/x.tar.gz']);
    assert.equal(code, 1);
    assert.match(stderr, /^\/nonexistent\/x\.tar\.gz cannot be written: ENOENT/);
    assert.equal((await run(['support-bundle', '--log-lines', 'all'])).code, 2);
  });
});

describe('what is left out of a bundle', () => {
  it('is every value that can be a secret, and nothing that people need', () => {
    const before = {
      metadata: { name: 'x', managedFields: [{}], annotations: { 'quiver.dev/epoch': '7' } },
      env: [
        { name: 'POD_NAME', value: 'x' },
        { name: 'QUIVER_SECRET', value: 'hunter2' },
        { name: 'HTTP_PROXY', value: 'http://user:hunter2@proxy' },
      ],
      volumes: [{ secret: { secretName: 'quiver-fabric-secret' } }],
      data: { password: 'hunter2', 'router.yaml': 'router: a' },
    };
    assert.deepEqual(redact(before), {
      metadata: { name: 'x', annotations: { 'quiver.dev/epoch': '7' } },
      env: [
        { name: 'POD_NAME', value: 'x' },
        { name: 'QUIVER_SECRET', value: '(left out)' },
        { name: 'HTTP_PROXY', value: '(left out)' },
      ],
      volumes: [{ secret: { secretName: 'quiver-fabric-secret' } }],
      data: { password: '(left out)', 'router.yaml': 'router: a' },
    });
  });
});

describe('archives', () => {
  it('hold paths of up to 255 bytes and refuse longer ones', () => {
    const long = `${'d'.repeat(150)}/${'f'.repeat(100)}`;
    const listed = spawnSync('tar', ['-t'], {
      input: tarOf([{ path: long, content: Buffer.from('x') }], 0),
      encoding: 'utf8',
    });
    assert.equal(listed.stdout, `${long}\n`);
    assert.throws(() => tarOf([{ path: `${long}f`, content: Buffer.alloc(0) }], 0), /too long/);
  });
});
