import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Dump } from '@quiver/dataplane-api';
import { parse } from 'yaml';
import { FakeNode } from '../testing/fake-node.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { sampleSession } from '../testing/sample-session.ts';
import { scratchFolder } from '../testing/scratch.ts';

const egress = sampleSession({
  sessionId: '0a0a0a0a-0000-4000-8000-000000000001',
  service: 'prod/db',
  role: 'Egress',
  serverHop: undefined,
  clientHop: sampleSession().serverHop,
  source: { address: '169.254.96.9', port: 2000 },
  target: { address: 'fd10::5', port: 5432 },
  security: 'Sealed',
});

describe('quiver sessions', () => {
  const folder = scratchFolder();
  let node: FakeNode;

  beforeEach(async () => {
    node = await FakeNode.listen(join(folder(), 'a.sock'));
    node.dumps = [Dump.create({ sessions: [sampleSession(), egress] })];
  });
  afterEach(() => node.close());

  const run = (...args: string[]) => runQuiver(['sessions', '--socket', join(folder(), 'a.sock'), ...args]);

  it('prints a table in order of services', async () => {
    const { code, stdout } = await run();
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        'SESSION                                TENANT   SERVICE    ROLE      PROTOCOL   CLIENT           ADDRESS          NEXT             SECURITY   STATE         AGE',
        '0a0a0a0a-0000-4000-8000-000000000001   office   prod/db    Egress    TCP        10.1.0.5:40000   198.18.0.80:80   [fd10::5]:5432   Sealed     Established   3m12s',
        '6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f   office   prod/web   Ingress   TCP        10.1.0.5:40000   198.18.0.80:80   b/b1             Clear      Established   3m12s',
        '',
      ].join('\n'),
    );
  });

  it('shows waypoint ports and traffic when asked for more', async () => {
    const { stdout } = await run('-o', 'wide');
    const [, db, web] = stdout.split('\n');
    assert.match(web ?? '', / 192\.0\.2\.1:16400>203\.0\.113\.1:16401 .* 12\/1\.5Ki +9\/20Mi +1s +31m39s +prod\/web$/);
    assert.match(db ?? '', / 169\.254\.96\.9:2000 +\[fd10::5\]:5432 /);
  });

  it('hands every filter to the node', async () => {
    await run('--tenant', 'office', '--service', 'prod/web', '--address', '10.1.0.5', '--id', 'x', '--limit', '9');
    assert.deepEqual(node.requests, [
      { tenant: 'office', service: 'prod/web', address: '10.1.0.5', sessionId: 'x', limit: 9 },
    ]);
  });

  it('prints for programs, with numbers that keep their digits', async () => {
    const { stdout } = await run('-o', 'json');
    const { sessions } = JSON.parse(stdout) as { sessions: { sessionId: string; bytesReverse: string }[] };
    assert.equal(sessions[1]?.bytesReverse, '20971520');
    const yaml = await run('-o', 'yaml');
    assert.deepEqual(parse(yaml.stdout), JSON.parse(stdout));
    const names = await run('-o', 'name');
    assert.equal(names.stdout, sessions.map(({ sessionId }) => `session/${sessionId}\n`).join(''));
  });

  it('says on stderr that nothing matches, and how many were left out', async () => {
    node.dumps = [Dump.create()];
    assert.deepEqual(await run(), { code: 0, stdout: '', stderr: 'no session matches\n' });
    node.dumps = [Dump.create({ sessions: [egress], omitted: 41n })];
    assert.equal((await run()).stderr, '41 more; use a filter or --limit\n');
  });

  it('asks for all sessions when the limit is 0', async () => {
    await run('--limit', '0');
    assert.equal((node.requests[0] as { limit: number }).limit, 0xffff_ffff);
  });

  it('refuses a limit that is no number', async () => {
    assert.equal((await run('--limit', 'many')).code, 2);
  });

  it('goes on with what is new, changed or gone, and stays silent about counters', async () => {
    const moved = sampleSession({ packetsForward: 99n });
    const sealed = sampleSession({ security: 'Sealed' });
    node.dumps = [[moved], [moved], [sealed, egress], [egress]].map((sessions) => Dump.create({ sessions }));
    const interruption = new AbortController();
    let pauses = 0;
    const { stdout, code } = await runQuiver(['sessions', '--watch', '--socket', join(folder(), 'a.sock')], {
      interrupted: interruption.signal,
      pause: () => {
        pauses += 1;
        if (pauses === 4) interruption.abort('SIGINT');
        return Promise.resolve();
      },
    });
    const shown = stdout.split('\n').map((line) => line.split(/ {3,}/).filter((_, index) => [0, 8, 9].includes(index)));
    assert.equal(code, 0);
    assert.deepEqual(
      shown.map((cells) => `${cells[0]?.slice(0, 8)} ${cells.slice(1).join(' ')}`.trim()),
      [
        'SESSION SECURITY STATE',
        '6f1c2a34 Clear Established',
        '0a0a0a0a Sealed Established',
        '6f1c2a34 Sealed Established',
        '6f1c2a34 Sealed Closed',
        '',
      ],
    );
  });
});
