import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { TestAuthority } from '../../operator/src/testing/certificates.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import { eventually } from '../harness/eventually.ts';
import { Pair, services } from '../harness/pair.ts';
import type { Process } from '../harness/process.ts';
import { quiver } from '../harness/router.ts';
import { addresses } from '../harness/sites.ts';
import { download, makeContent } from '../harness/traffic.ts';

const OPERATOR = `${addresses.waypointA}:4600`;
const NAMES = ['certificate', 'key', 'authority'] as const;

describe('a second node of a router', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;
  let agent: Process | undefined;

  before(async () => {
    pair = await Pair.prepare();
    await describeSecondNode();
    await pair.run();
  });
  after(async () => {
    await agent?.stop();
    await pair?.remove();
  });

  /** The machine in the core becomes node a2 of site A, and site B knows its waypoint. */
  async function describeSecondNode(): Promise<void> {
    const { a, b } = pair;
    const second = `  - name: a2\n    waypoints:\n      - name: wan0\n        address: ${addresses.stranger}\n`;
    await a.edit('router.yaml', 'keySource:', `${second}keySource:`);
    const files = NAMES.map((name) => `    ${name}: operator.${name}\n`).join('');
    const router = await a.readFile('router.yaml');
    await writeFile(a.path('router.yaml'), `${router}operator:\n  listen: ${OPERATOR}\n  tls:\n${files}`);
    const office = 'cidrs: [10.1.0.0/24,';
    await a.edit('resources/tenants.yaml', office, `${office} ${addresses.stranger}/32,`);
    const waypoint = `      address: ${addresses.waypointA}\n`;
    await b.edit('resources/peers.yaml', waypoint, `${waypoint}    - name: a2\n      address: ${addresses.stranger}\n`);
    const authority = await TestAuthority.create('demo');
    const server = await authority.issue([{ type: 'ip', value: addresses.waypointA }]);
    const node = await authority.issue([{ type: 'url', value: 'spiffe://demo/router/site-a/node/a2' }]);
    for (const [owner, pem] of [
      ['operator', server],
      ['a2', node],
    ] as const) {
      const parts = { certificate: pem.certificate, key: pem.key, authority: authority.pem };
      for (const name of NAMES) await writeFile(a.path(`${owner}.${name}`), parts[name]);
    }
  }

  function startAgent(node: string): Process {
    const { a, sites } = pair;
    const tls = NAMES.flatMap((name) => [`--tls-${name}`, a.path(`a2.${name}`)]);
    const places = ['--socket', a.path('a2.sock'), '--state-dir', a.path('a2-state')];
    const who = ['--operator', OPERATOR, '--node', node, '--config', a.path('router.yaml')];
    return sites.stranger.start(quiver('agent', ...who, ...tls, ...places));
  }

  it('joins with its certificate over the network and carries sessions of its own', async () => {
    await mkdir(pair.a.path('a2-state'), { recursive: true });
    agent = startAgent('a2');
    await eventually('node a2 has the configuration in force', async () => {
      const { operatorView } = await pair.a.status();
      return operatorView?.nodes.some(({ node, state }) => node === 'a2' && state === 'Current') || undefined;
    });
    const content = await makeContent(pair.content, 'file', 3_000_000);
    const url = `http://${services.web.v4}/file`;
    const got = await download(pair.sites.stranger, url, pair.sites.folder);
    assert.deepEqual([got.code, got.sha256], [0, content.sha256], `${got.stderr}\n${agent.stderr}`);
    const atEgress = await pair.b.sessions({ service: 'demo/web' });
    assert.ok(atEgress.some(({ clientHop }) => clientHop?.remote?.address === addresses.stranger));
  });

  it('goes on forwarding when its operator is away', async () => {
    const content = await makeContent(pair.content, 'more', 3_000_000);
    await pair.a.kill();
    const got = await download(pair.sites.stranger, `http://${services.web.v4}/more`, pair.sites.folder);
    assert.deepEqual([got.code, got.sha256], [0, content.sha256], got.stderr);
    await pair.a.start();
  });

  it('is refused under a name that its certificate does not hold', async () => {
    await agent?.stop();
    agent = startAgent('a1');
    await agent.hasPrinted(/the certificate names spiffe:\/\/demo\/router\/site-a\/node\/a2/);
    assert.ok(!/configuration in force/.test(agent.stderr), agent.stderr);
  });
});
