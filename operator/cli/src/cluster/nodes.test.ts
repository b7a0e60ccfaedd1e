import assert from 'node:assert/strict';
import { DropsResponse, Dump, Hop, StatusResponse } from '@quiver/dataplane-api';
import { samplePlugin } from '../testing/run-plugin.ts';
import { peerB, quiverObject, status } from '../testing/sample-cluster.ts';
import { sampleSession } from '../testing/sample-session.ts';
import { scratchFolder } from '../testing/scratch.ts';

const egress = sampleSession({
  role: 'Egress',
  serverHop: undefined,
  clientHop: Hop.fromPartial({ router: 'a', node: 'a1', local: { address: '203.0.113.1', port: 16_401 } }),
  target: { address: '10.244.0.9', port: 80 },
});
const other = sampleSession({ sessionId: '00000000-0000-4000-8000-000000000001', service: 'prod/db' });

describe('kubectl quiver sessions', () => {
  const plugin = samplePlugin(scratchFolder());
  const both = ['--context', 'a', '--context', 'b'];

  beforeEach(() => {
    const { a, b } = plugin();
    a.answer('a1', 'sessions', Dump.toJSON(Dump.fromPartial({ sessions: [sampleSession(), other] })));
    b.answer('b1', 'sessions', Dump.toJSON(Dump.fromPartial({ sessions: [egress], omitted: 3n })));
  });

  it('joins what belongs to one session, in the order of its way', async () => {
    const { code, stdout, stderr } = await plugin().run(['sessions', ...both]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '3 more; use a filter or --limit\n' });
    assert.equal(
      stdout,
      `SESSION                                CLUSTER   NODE   TENANT   SERVICE    ROLE      PROTOCOL   CLIENT           ADDRESS          NEXT            SECURITY   STATE         AGE
00000000-0000-4000-8000-000000000001   a         a1     office   prod/db    Ingress   TCP        10.1.0.5:40000   198.18.0.80:80   b/b1            Clear      Established   3m12s
6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f   a         a1     office   prod/web   Ingress   TCP        10.1.0.5:40000   198.18.0.80:80   b/b1            Clear      Established   3m12s
6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f   b         b1     office   prod/web   Egress    TCP        10.1.0.5:40000   198.18.0.80:80   10.244.0.9:80   Clear      Established   3m12s
`,
    );
  });

  it('gives programs each session with all its places', async () => {
    const { stdout } = await plugin().run(['sessions', ...both, '-o', 'json']);
    const { sessions } = JSON.parse(stdout) as {
      sessions: { sessionId: string; seenAt: { node: string; role: string }[] }[];
    };
    const places = sessions.map(({ seenAt }) => seenAt.map(({ node, role }) => `${node} ${role}`));
    assert.deepEqual(places, [['a1 Ingress'], ['a1 Ingress', 'b1 Egress']]);
    const names = await plugin().run(['sessions', ...both, '-o', 'name']);
    assert.equal(names.stdout, sessions.map(({ sessionId }) => `session/${sessionId}\n`).join(''));
  });

  it('shows as many sessions as wanted, each with all its places', async () => {
    const { stdout, stderr } = await plugin().run(['sessions', ...both, '--limit', '1', '-o', 'name']);
    assert.deepEqual(
      { stdout, stderr },
      { stdout: `session/${other.sessionId}\n`, stderr: '4 more; use a filter or --limit\n' },
    );
    assert.deepEqual(plugin().b.asked('b1'), ['sessions --limit 5000']);
  });

  it('hands filters to the nodes', async () => {
    const { a, run } = plugin();
    await run(['sessions', '--tenant', 'office', '--id', other.sessionId, '--limit', '0']);
    assert.deepEqual(a.asked('a2'), [`sessions --tenant office --id ${other.sessionId} --limit 0`]);
  });

  it('shows the rest when a node does not answer, and says so', async () => {
    const { a, run } = plugin();
    a.ends.set('a2', { refusal: 500 });
    const { code, stdout, stderr } = await run(['sessions']);
    assert.equal(code, 1);
    assert.equal(stdout.trim().split('\n').length, 3);
    assert.match(stderr, /^node a2: no command can be run in pod quiver-system\/quiver-agent-a2: .*500/);
  });

  it('refuses to watch many nodes', async () => {
    assert.equal((await plugin().run(['sessions', '--watch'])).code, 2);
  });
});

describe('kubectl quiver drops', () => {
  const plugin = samplePlugin(scratchFolder());

  beforeEach(() => {
    const drop = (reason: string, number: number, packets: bigint) => ({
      reason,
      number,
      packets,
      description: `It is ${reason}.`,
    });
    const { a } = plugin();
    a.answer('a1', 'drops', DropsResponse.toJSON({ drops: [drop('no_tenant', 4, 3n), drop('no_route', 9, 10n)] }));
    a.answer('a2', 'drops', DropsResponse.toJSON({ drops: [drop('no_tenant', 4, 9n)] }));
  });

  it('sums up each reason and says where', async () => {
    const { code, stdout } = await plugin().run(['drops']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `REASON      PACKETS   NODES       MEANING
no_tenant   12        a2=9 a1=3   It is no_tenant.
no_route    10        a1=10       It is no_route.
`,
    );
  });

  it('gives programs numbers that keep their digits', async () => {
    const { stdout } = await plugin().run(['drops', '-o', 'yaml', '--all']);
    assert.match(
      stdout,
      /reason: no_tenant\n {4}description: It is no_tenant\.\n {4}packets: "12"\n {4}nodes:\n {6}a2: "9"/,
    );
    assert.deepEqual(plugin().a.asked('a1'), ['drops --all']);
  });
});

describe('kubectl quiver peers', () => {
  const plugin = samplePlugin(scratchFolder());

  it('shows the path from each node to each waypoint', async () => {
    const { a, run } = plugin();
    a.server.add(peerB(), quiverObject('Peer', 'c', { spec: { router: 'c' } }));
    const { code, stdout } = await run(['peers']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `PEER   READY   REASON   FROM   TO     LOCAL       REMOTE        STATE   SESSIONS   CLOCK   MTU
b      True    Ready    a1     b/b1   192.0.2.1   203.0.113.1   Up      3          +12ms   1500
b      True    Ready    a1     b/b2   192.0.2.1   203.0.113.2   Up      3          +12ms   1500
b      True    Ready    a2     b/b1   192.0.2.2   203.0.113.1   Up      3          +12ms   1500
b      True    Ready    a2     b/b2   192.0.2.2   203.0.113.2   Up      3          +12ms   1500
c      True    Ready    -      -      -           -             -       -          -       -
`,
    );
  });

  it('fails when a path does not answer', async () => {
    const { a, run } = plugin();
    a.server.add(peerB());
    const answer = status('a', 'a1');
    const paths = (answer.counters?.paths ?? []).map((path) => ({ ...path, state: 'Suspect' }));
    a.answer('a1', 'status', StatusResponse.toJSON(StatusResponse.fromPartial({ ...answer, counters: { paths } })));
    assert.equal((await run(['peers', '-o', 'name'])).stdout, 'peer.quiver.dev/b\n');
    assert.equal((await run(['peers'])).code, 1);
  });
});
