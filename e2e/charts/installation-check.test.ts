import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '../../operator/src/testing/temporary-folder.ts';
import { ROOT, run } from '../setup/stage.ts';

const PROGRAM = join(ROOT, 'charts/quiver/files/installation-check.mjs');
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const APPS = '/apis/apps/v1/namespaces/quiver-system';

/** What API server and operator answer to a path. */
type Answers = Readonly<Record<string, object | string>>;

const WELL: Answers = {
  ...Object.fromEntries(
    ['services', 'serviceroutes', 'tenants', 'peers'].map((plural) => [
      `${CRDS}/${plural}.quiver.dev`,
      established('True'),
    ]),
  ),
  [`${APPS}/deployments/quiver-operator`]: {
    metadata: { generation: 2 },
    spec: { replicas: 2 },
    status: { observedGeneration: 2, readyReplicas: 2 },
  },
  [`${APPS}/daemonsets/quiver-agent`]: { status: { numberReady: 3, desiredNumberScheduled: 3 } },
  '/metrics': '# TYPE quiver_operator_leader gauge\nquiver_operator_leader 1\nquiver_operator_agents_connected 3\n',
};

function established(status: string): object {
  return { status: { conditions: [{ type: 'Established', status }] } };
}

describe('what helm test runs', () => {
  let server: Server;
  let answers: Answers;
  const asked: (string | undefined)[] = [];

  before((done) => {
    server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      const answer = answers[request.url ?? ''];
      response.writeHead(answer === undefined ? 404 : 200);
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
    server.listen(0, '127.0.0.1', done);
  });
  after((done) => {
    server.close(done);
  });

  async function check(changed: Answers): Promise<{ ok: boolean; lines: string[] }> {
    answers = { ...WELL, ...changed };
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const folder = temporaryFolder();
    const token = folder.write('token', 'the-token\n');
    const options = `--api ${address} --metrics ${address} --token-file ${token} --seconds 0`;
    const names = '--namespace quiver-system --operator quiver-operator --agent quiver-agent';
    const { ok, output } = await run(process.execPath, [PROGRAM, ...`${options} ${names}`.split(' ')]);
    folder.remove();
    return { ok, lines: output.trim().split('\n') };
  }

  it('is content with an installation at work, and shows its token to the API server', async () => {
    asked.length = 0;
    const { ok, lines } = await check({});
    assert.deepEqual(lines, [
      'ok     definitions are established',
      'ok     the operator is ready',
      'ok     one operator leads',
      'ok     agents are ready',
      'ok     agents are connected to the operator',
    ]);
    assert.ok(ok);
    assert.ok(asked.includes('Bearer the-token'));
  });

  const faults: readonly (readonly [Answers, string])[] = [
    [
      { [`${CRDS}/peers.quiver.dev`]: established('False') },
      'FAILED definitions are established: peers.quiver.dev not established',
    ],
    [
      {
        [`${APPS}/deployments/quiver-operator`]: { metadata: {}, spec: { replicas: 2 }, status: { readyReplicas: 1 } },
      },
      'FAILED the operator is ready: 1 of 2 replicas are ready',
    ],
    [{ '/metrics': 'quiver_operator_leader 0\n' }, 'FAILED one operator leads: 0 replicas lead'],
    [
      { [`${APPS}/daemonsets/quiver-agent`]: { status: { numberReady: 1, desiredNumberScheduled: 3 } } },
      'FAILED agents are ready: 1 of 3 agents are ready',
    ],
    [
      { [`${APPS}/daemonsets/quiver-agent`]: { status: { numberReady: 0, desiredNumberScheduled: 0 } } },
      'FAILED agents are ready: no node is selected: look at agent.nodeSelector and agent.affinity',
    ],
    [
      { '/metrics': 'quiver_operator_leader 1\nquiver_operator_agents_connected 2\n' },
      'FAILED agents are connected to the operator: 2 of 3 are',
    ],
  ];
  for (const [changed, says] of faults) {
    it(`fails when something is not at work: ${says}`, async () => {
      const { ok, lines } = await check(changed);
      assert.ok(lines.includes(says), lines.join('\n'));
      assert.equal(ok, false);
    });
  }
});
