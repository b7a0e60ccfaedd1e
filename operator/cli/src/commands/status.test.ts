import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ConfigOrigin, StatusResponse } from '@quiver/dataplane-api';
import { FakeNode } from '../testing/fake-node.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

const ready = StatusResponse.create({
  fabric: 'demo',
  router: 'a',
  node: 'a1',
  agentVersion: '0.1.0',
  uptimeMs: 192_000n,
  ready: true,
  config: { version: 4n, origin: ConfigOrigin.CONFIG_ORIGIN_OPERATOR, inForceMs: 60_000n },
  operatorLink: { address: 'unix:/run/quiver/a.operator.sock', connected: true },
  counters: {
    sessions: 42n,
    maxSessions: 262_144,
    workers: 2,
    drops: [{ packets: 3n }, { packets: 4n }],
    paths: [
      {
        router: 'b',
        node: 'b1',
        localAddress: '192.0.2.1',
        remoteAddress: '203.0.113.1',
        state: 'Up',
        sessions: 42n,
        clockOffsetMs: 12n,
        mtu: 1500,
      },
    ],
  },
  targets: [{ route: 'prod/db', address: '10.0.0.1', port: 5432, healthy: false, sessions: 0n }],
  operatorView: {
    nodes: [{ node: 'a1', connected: true, state: 'Current' }],
    objects: [
      { kind: 'Tenant', name: 'office', ready: 'True', reason: 'Ready' },
      {
        kind: 'Service',
        namespace: 'prod',
        name: 'web',
        ready: 'False',
        reason: 'NoRoute',
        message: 'nothing reaches it',
      },
    ],
    problems: ['web.yaml:3: Service prod/web: nothing reaches it (NoRoute)'],
  },
  notices: ['IPv4 forwarding is off'],
});

describe('quiver status', () => {
  const folder = scratchFolder();
  let node: FakeNode;

  beforeEach(async () => {
    node = await FakeNode.listen(join(folder(), 'a.sock'));
    node.status = ready;
  });
  afterEach(() => node.close());

  const run = (...args: string[]) => runQuiver(['status', '--socket', join(folder(), 'a.sock'), ...args]);

  it('shows configuration, peer paths, targets, nodes and objects', async () => {
    const { code, stdout } = await run();
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `Node a1 of router a in fabric demo is ready (agent 0.1.0, up 3m12s).
Configuration 4 from the operator, in force for 1m.
Sessions: 42 of 262144, 2 workers, 7 packets dropped.

PEER   NODE   LOCAL       REMOTE        STATE   SESSIONS   CLOCK   MTU
b      b1     192.0.2.1   203.0.113.1   Up      42         +12ms   1500

ROUTE     TARGET          HEALTHY   SESSIONS
prod/db   10.0.0.1:5432   False     0

NODE   CONNECTED   CONFIGURATION
a1     True        Current

OBJECT             READY   REASON    MESSAGE
Tenant office      True    Ready     -
Service prod/web   False   NoRoute   nothing reaches it

Problems:
  web.yaml:3: Service prod/web: nothing reaches it (NoRoute)

Notices:
  IPv4 forwarding is off
`,
    );
  });

  it('says how stale the configuration is and why', async () => {
    node.status = StatusResponse.create({
      ...ready,
      config: {
        version: 4n,
        origin: ConfigOrigin.CONFIG_ORIGIN_LAST_GOOD,
        inForceMs: 5_000n,
        stale: true,
        staleMs: 90_000n,
      },
      operatorLink: { address: '192.0.2.9:7443', connected: false, reason: 'connection refused' },
    });
    const { stdout } = await run();
    assert.match(stdout, /^Configuration 4 from its own disk, in force for 5s\.$/m);
    assert.match(stdout, /^Stale for 1m30s: 192\.0\.2\.9:7443 is not reached: connection refused$/m);
  });

  it('names what was refused, and fails when the node is not ready', async () => {
    node.status = StatusResponse.create({
      node: 'a1',
      config: {
        rejectedVersion: 5n,
        rejected: [{ code: 'BadPrefix', field: 'servicePool[0]', message: 'has host bits' }],
      },
    });
    const { code, stdout } = await run();
    assert.equal(code, 1);
    assert.match(stdout, /is not ready/);
    assert.match(stdout, /^No configuration is in force\.$/m);
    assert.match(stdout, /^Version 5 was refused: servicePool\[0\]: has host bits \(BadPrefix\)$/m);
  });

  it('prints everything for programs', async () => {
    const { stdout } = await run('-o', 'json');
    const status = JSON.parse(stdout) as { config: { version: string }; operatorView: { problems: string[] } };
    assert.equal(status.config.version, '4');
    assert.equal(status.operatorView.problems.length, 1);
    assert.match((await run('-o', 'yaml')).stdout, /^router: a$/m);
  });
});
