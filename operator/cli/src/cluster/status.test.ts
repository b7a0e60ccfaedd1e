import assert from 'node:assert/strict';
import { StatusResponse } from '@quiver/dataplane-api';
import { samplePlugin } from '../testing/run-plugin.ts';
import { agentPod, peerB, quiverObject, status } from '../testing/sample-cluster.ts';
import { scratchFolder } from '../testing/scratch.ts';

describe('kubectl quiver status', () => {
  const plugin = samplePlugin(scratchFolder());

  it('is short when all is well', async () => {
    const { a, run } = plugin();
    a.server.add(quiverObject('Service', 'prod/db'), peerB());
    const { code, stdout, stderr } = await run(['status']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(
      stdout,
      `Cluster a at ${a.server.url}, namespace quiver-system, router a of fabric demo.
Operator: 1 of 1 pods ready, version 0.1.0; quiver-operator-0 leads (epoch 7).
Objects: 2 of 2 ready.

NODE   READY   OPERATOR    CONFIGURATION   SESSIONS   PATHS    VERSION   UP
a1     True    connected   4               6          2/2 up   0.1.0     3m12s
a2     True    connected   4               6          2/2 up   0.1.0     3m12s
`,
    );
  });

  it('names objects and nodes with problems, and never hides a node that does not answer', async () => {
    const { a, run } = plugin();
    a.server.add(quiverObject('Service', 'prod/db', { ready: ['False', 'NoRoute', 'nothing reaches it'] }));
    a.server.add(
      agentPod('a3', {
        status: {
          phase: 'Running',
          containerStatuses: [
            { name: 'agent', state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } } },
          ],
        },
      }),
    );
    a.ends.set('a2', { exitCode: 1, stderr: 'no router runs behind /run/quiver/agent.sock\n' });
    const unlinked = StatusResponse.fromPartial({
      ...status('a', 'a1'),
      operatorLink: { connected: false, reason: 'connection refused' },
      config: { version: 4n, stale: true, staleMs: 61_000n },
      notices: ['IPv4 forwarding is off'],
    });
    a.answer('a1', 'status', StatusResponse.toJSON(unlinked));
    const { code, stdout } = await run(['status']);
    assert.equal(code, 1);
    assert.equal(
      stdout.slice(stdout.indexOf('Objects')),
      `Objects: 0 of 1 ready.

NODE   READY     OPERATOR      CONFIGURATION       SESSIONS   PATHS    VERSION   UP
a1     True      not reached   4, stale for 1m1s   6          2/2 up   0.1.0     3m12s
a2     Unknown   -             -                   -          -        -         -
a3     Unknown   -             -                   -          -        -         -

OBJECT            READY   REASON    MESSAGE
Service prod/db   False   NoRoute   nothing reaches it

Problems:
  node a1: the operator is not reached: connection refused
  node a1: IPv4 forwarding is off
  node a2: no router runs behind /run/quiver/agent.sock
  node a3: pod quiver-agent-a3 does not run: container agent: CrashLoopBackOff: back-off 40s
`,
    );
  });

  it('says that nobody leads, and since when', async () => {
    const { a, run } = plugin();
    a.server.time += 60_000;
    const { code, stdout } = await run(['status']);
    assert.equal(code, 1);
    assert.match(stdout, /nobody leads, quiver-operator-0 was seen 1m1s ago\./);
  });

  it('warns of versions that do not fit', async () => {
    const { a, run } = plugin();
    a.answer('a1', 'status', StatusResponse.toJSON({ ...status('a', 'a1'), agentVersion: '0.3.0' }));
    const { stdout } = await run(['status'], { version: '0.2.0' });
    assert.equal(
      stdout.slice(stdout.indexOf('Versions')),
      `Versions:
  several versions run at once (0.1.0, 0.3.0); if no upgrade is going on, look at kubectl rollout status
  agent 0.3.0 is more than one minor version from the operator; upgrade the older one
  this program is 0.2.0, the operator 0.1.0; use the program of the operator's version
`,
    );
  });

  it('shows several clusters, and gives programs all of it', async () => {
    const { run } = plugin();
    const { code, stdout } = await run(['status', '--context', 'a', '--context', 'b', '-o', 'json']);
    assert.equal(code, 0);
    const { clusters } = JSON.parse(stdout) as { clusters: { context: string; healthy: boolean; nodes: unknown[] }[] };
    const brief = clusters.map(({ context, healthy, nodes }) => [context, healthy, nodes.length]);
    assert.deepEqual(brief, [
      ['a', true, 2],
      ['b', true, 2],
    ]);
  });
});

describe('kubectl quiver version', () => {
  const plugin = samplePlugin(scratchFolder());

  it('tells what runs in each cluster', async () => {
    const { code, stdout, stderr } = await plugin().run(['version', '--context', 'a', '--context', 'b']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(
      stdout,
      'Client: 0.1.0\nOperator of a: 0.1.0\nAgents of a: 0.1.0\nOperator of b: 0.1.0\nAgents of b: 0.1.0\n',
    );
  });

  it('warns of versions that do not fit, and asks nobody for its own', async () => {
    const { run } = plugin();
    const { stdout, stderr } = await run(['version', '-o', 'json'], { version: '0.2.0' });
    assert.deepEqual(JSON.parse(stdout), {
      client: '0.2.0',
      clusters: [{ cluster: 'a', operators: ['0.1.0'], agents: ['0.1.0'] }],
    });
    assert.match(stderr, /^this program is 0\.2\.0, the operator 0\.1\.0; use/);
    await plugin().a.server.close();
    assert.equal((await run(['version', '--client'])).code, 0);
    const { code, stdout: own } = await run(['version']);
    assert.deepEqual({ code, own }, { code: 1, own: 'Client: 0.1.0\n' });
  });
});

describe('where Quiver is looked for', () => {
  const plugin = samplePlugin(scratchFolder());

  it('is said when there is nothing', async () => {
    const { code, stderr } = await plugin().run(['status', '-n', 'other']);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      'context a: no pod of Quiver is in namespace other; install the chart, or name its namespace with -n\n',
    );
  });

  it('is to be chosen when it is there twice', async () => {
    const { a, run } = plugin();
    const other = agentPod('a1');
    a.server.add({ ...other, metadata: { ...other.metadata, namespace: 'second' } });
    const { stderr } = await run(['status']);
    assert.equal(stderr, 'context a: Quiver runs in several namespaces, quiver-system, second; choose one with -n\n');
    assert.equal((await run(['status', '-n', 'quiver-system'])).code, 0);
  });

  it('is the usual namespace for whoever may not look everywhere', async () => {
    const { a, run } = plugin();
    a.server.refuse = (path) => (path === '/api/v1/pods' ? { status: 403, message: 'forbidden' } : undefined);
    assert.equal((await run(['status'])).code, 0);
  });
});

describe('which is asked, a cluster or the node here', () => {
  const plugin = samplePlugin(scratchFolder());

  it('is the cluster for the plugin, and for whoever names one', async () => {
    const { run } = plugin();
    assert.equal((await run(['status'])).code, 0);
    for (const flags of [['--cluster'], ['--context', 'a'], ['-n', 'quiver-system']])
      assert.match((await run(['status', ...flags], { isPlugin: false })).stdout, /^Cluster a at/);
    assert.match((await run(['--context', 'b', 'status'], { isPlugin: false })).stdout, /^Cluster b at/);
  });

  it('is the node for --socket, and for the program of another name', async () => {
    const { run } = plugin();
    assert.match((await run(['status'], { isPlugin: false })).stderr, /^no router runs here/);
    assert.match((await run(['status', '--socket', '/nonexistent'])).stderr, /^there is no socket \/nonexistent/);
    const both = await run(['status', '--socket', '/nonexistent', '--context', 'a']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /leave one of them out/);
  });

  it('is never a cluster for commands that know none', async () => {
    const { code, stderr } = await plugin().run(['validate', '-f', 'x.yaml', '--context', 'a']);
    assert.equal(code, 2);
    assert.equal(stderr, 'validate asks no cluster; leave --cluster, --context, --kubeconfig and -n out\n');
  });

  it('is one cluster only, where nothing is joined', async () => {
    const { code, stderr } = await plugin().run(['drops', '--context', 'a', '--context', 'b']);
    assert.equal(code, 2);
    assert.equal(stderr, 'this command asks one cluster; choose a or b\n');
  });

  it('is limited in time', async () => {
    const { a, run } = plugin();
    a.ends.set('a1', 'never');
    const { code, stdout } = await run(['status', '--request-timeout', '2s']);
    assert.equal(code, 1);
    assert.match(stdout, /node a1: pod quiver-system\/quiver-agent-a1 did not answer within 2 s/);
    assert.equal((await run(['status', '--request-timeout', 'soon'])).code, 2);
  });
});
