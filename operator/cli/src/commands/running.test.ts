import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { AgentError, type EngineOptions } from '@quiver/agent';
import { EngineFault } from '@quiver/engine';
import { FakeEngine } from '../../../../dataplane/agent/src/testing/fake-engine.ts';
import { TestAuthority } from '../../../src/testing/certificates.ts';
import { routerYaml, routeYaml, serviceYaml, tenantYaml } from '../../../src/testing/example.ts';
import { type Ran, type Running, runQuiver, startQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

const peerYaml = `apiVersion: quiver.dev/v1alpha1
kind: Peer
metadata: {name: site-b}
spec: {router: site-b, waypoints: [{name: b1, address: 192.0.2.2}]}
`;

describe('running a router from files', function () {
  this.timeout(15_000);
  const folder = scratchFolder();
  const running: Running[] = [];
  let engine: FakeEngine;
  let options: EngineOptions[];

  beforeEach(async () => {
    engine = new FakeEngine();
    options = [];
    await write('router.yaml', routerYaml);
    await write('secret', '0123456789abcdef0123456789abcdef');
    await write('resources.yaml', [tenantYaml, serviceYaml, routeYaml, peerYaml].join('---\n'));
  });

  afterEach(async () => {
    for (const one of running) one.interrupt();
    await Promise.all(running.splice(0).map(({ done }) => done));
  });

  const at = (name: string) => join(folder(), name);
  const write = (name: string, text: string) => writeFile(at(name), text);

  function context(own = engine) {
    return {
      runDir: folder(),
      stateDir: at('state'),
      startEngine: (given: EngineOptions) => {
        options.push(given);
        return Promise.resolve(own);
      },
    };
  }

  function standalone(...more: string[]): Running {
    const files = ['--config', at('router.yaml'), '--resources', at('resources.yaml')];
    const one = startQuiver(
      ['standalone', ...files, '--metrics-address', 'off', '--log-level', 'error', ...more],
      context(),
    );
    running.push(one);
    return one;
  }

  async function stop(one: Running): Promise<Ran> {
    one.interrupt();
    return one.done;
  }

  it('brings the engine what the files say, and tells when everything is ready', async () => {
    const one = standalone('--status-file', at('status.yaml'));
    await one.printed('Service prod/db: Ready=True');
    assert.equal(engine.config?.services[0]?.name, 'prod/db');
    assert.match(await readFile(at('status.yaml'), 'utf8'), /name: db/);
    const { code, stdout } = await runQuiver(['status'], { runDir: folder() });
    assert.equal(code, 0);
    assert.match(stdout, /^Node node1 of router site-a in fabric corp is ready/m);
    assert.match(stdout, /^Service prod\/db +True/m);
    assert.deepEqual(options, [{ device: 'quiver0', instance: '', workers: 0, mtu: 1500 }]);
  });

  it('follows a file that is edited, and keeps what was good of a broken one', async () => {
    const one = standalone();
    await one.printed('Service prod/db: Ready=True');
    await write('resources.yaml', [tenantYaml, serviceYaml.replace('5432', '5433'), routeYaml, peerYaml].join('---\n'));
    await engine.inForce(({ services }) => services[0]?.ports[0]?.firstPort === 5433);
    await write('resources.yaml', 'kind: [Service');
    await one.printed('(InvalidYaml)');
    assert.equal(engine.config?.services.length, 1);
  });

  it('ends on a signal with the engine stopped and no socket left', async () => {
    const one = standalone('--keep-on-stop');
    await one.printed('Service prod/db: Ready=True');
    const { code } = await stop(one);
    assert.equal(code, 0);
    assert.deepEqual(engine.stops, [true]);
    assert.deepEqual(
      (await readdir(folder())).filter((name) => name.endsWith('.sock')),
      [],
    );
  });

  it('says in one sentence what the machine lacks', async () => {
    const startEngine = () => Promise.reject(new AgentError('EngineUnusable', 'not permitted; run as root'));
    const args = ['standalone', '--config', at('router.yaml'), '--resources', at('resources.yaml')];
    const { code, stderr, stdout } = await runQuiver(args, { ...context(), startEngine });
    assert.deepEqual([code, stderr, stdout], [1, 'not permitted; run as root\n', '']);
    assert.deepEqual((await readdir(folder())).toSorted(), ['resources.yaml', 'router.yaml', 'secret']);
  });

  it('ends when the machine refuses the first configuration', async () => {
    engine.verdicts.push(new EngineFault('MissingNft', 'nftables is missing; install nftables'));
    const { code, stderr } = await standalone().done;
    assert.equal(code, 1);
    assert.match(stderr, /nftables is missing; install nftables\n$/);
    assert.deepEqual(engine.stops, [false]);
  });

  it('takes the engine away again when its resources or its address cannot be used', async () => {
    const { code } = await runQuiver(
      ['standalone', '--config', at('router.yaml'), '--resources', at('missing')],
      context(),
    );
    assert.equal(code, 1);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const files = ['--config', at('router.yaml'), '--resources', at('resources.yaml')];
    const second = await runQuiver(
      ['standalone', ...files, '--metrics-address', address, '--log-level', 'error'],
      context(),
    );
    assert.equal(second.code, 1);
    assert.match(second.stderr, /cannot serve metrics at 127\.0\.0\.1/);
    assert.deepEqual(engine.stops, [false, false]);
    taken.close();
  });

  it('names file, line and field of a wrong RouterConfig before it touches the machine', async () => {
    await write('router.yaml', routerYaml.replace('203.0.113.11', 'here'));
    const { code, stderr } = await standalone().done;
    assert.equal(code, 1);
    assert.match(stderr, /router\.yaml:6: .*nodes\[0\]\.waypoints\[0\]\.address: /);
    assert.deepEqual(options, []);
  });

  it('names the nodes there are when another one is asked for', async () => {
    const { code, stderr } = await standalone('--node', 'node9').done;
    assert.deepEqual([code, stderr], [1, 'router site-a has no node node9; its nodes are node1\n']);
  });

  for (const [flag, value] of [
    ['--metrics-address', 'here'],
    ['--workers', 'two'],
    ['--log-level', 'loud'],
  ] as const) {
    it(`refuses ${flag} ${value} with exit code 2`, async () => {
      assert.equal((await standalone(flag, value).done).code, 2);
    });
  }

  describe('on a second node', () => {
    const second = new FakeEngine();

    async function certificates(): Promise<string[]> {
      const authority = await TestAuthority.create('quiver');
      const operator = await authority.issue([{ type: 'ip', value: '127.0.0.1' }]);
      const agent = await authority.issue([{ type: 'url', value: 'spiffe://corp/router/site-a/node/node2' }]);
      await write('ca.pem', authority.pem);
      await write('operator.pem', operator.certificate);
      await write('operator.key', operator.key);
      await write('agent.pem', agent.certificate);
      await write('agent.key', agent.key);
      return ['--tls-certificate', at('agent.pem'), '--tls-key', at('agent.key'), '--tls-authority', at('ca.pem')];
    }

    async function freePort(): Promise<number> {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      return port;
    }

    it('joins with a certificate and gets its own configuration', async () => {
      const tls = await certificates();
      const address = `127.0.0.1:${await freePort()}`;
      const files = '{certificate: operator.pem, key: operator.key, authority: ca.pem}';
      await write(
        'router.yaml',
        `${routerYaml.replace('nodes:\n', 'nodes:\n- {name: node2, waypoints: [{address: 203.0.113.12}]}\n')}operator: {listen: "${address}", tls: ${files}}\n`,
      );
      const first = standalone('--node', 'node1');
      await first.printed('runs; ask it with');
      const joined = startQuiver(
        [
          'agent',
          '--operator',
          address,
          '--node',
          'node2',
          '--config',
          at('router.yaml'),
          ...tls,
          '--metrics-address',
          'off',
          '--log-level',
          'error',
        ],
        context(second),
      );
      running.push(joined);
      await first.printed('Node node2: connected, configuration Current');
      assert.equal(second.config?.node, 'node2');
      assert.equal(second.config.waypoints[0]?.address, '203.0.113.12');
      const { stdout } = await runQuiver(['status', '--socket', at('site-a-node2.sock')]);
      assert.match(stdout, /^Node node2 of router site-a in fabric corp is ready/m);
    });

    it('does not follow an operator whose certificate names another address', async () => {
      const tls = await certificates();
      const operator = `localhost:${await freePort()}`;
      const files = '{certificate: operator.pem, key: operator.key, authority: ca.pem}';
      await write('router.yaml', `${routerYaml}operator: {listen: "${operator}", tls: ${files}}\n`);
      await standalone().printed('runs; ask it with');
      const who = ['--node', 'node1', '--config', at('router.yaml'), '--socket', at('second.sock')];
      const places = ['--state-dir', at('other'), '--metrics-address', 'off', '--log-level', 'error'];
      const stranger = startQuiver(['agent', '--operator', operator, ...who, ...tls, ...places], context(second));
      running.push(stranger);
      await stranger.printed('runs; ask it with');
      let status = await runQuiver(['status', '--socket', at('second.sock')]);
      while (status.stdout.includes('not connected yet'))
        status = await runQuiver(['status', '--socket', at('second.sock')]);
      assert.match(status.stdout, /is not reached: .*localhost/);
      assert.equal(status.code, 1);
    });

    it('wants certificates for an address, and to know whose node it is', async () => {
      const who = ['--fabric', 'corp', '--router', 'site-a'];
      const without = await runQuiver(['agent', '--operator', '127.0.0.1:7', '--node', 'node2', ...who]);
      assert.equal(without.code, 2);
      assert.match(without.stderr, /--tls-certificate/);
      const anonymous = await runQuiver(['agent', '--operator', 'unix:/x', '--node', 'node2']);
      assert.equal(anonymous.code, 2);
      assert.match(anonymous.stderr, /--config, or --fabric and --router/);
      const nowhere = await runQuiver(['agent', '--operator', 'somewhere', '--node', 'node2', ...who]);
      assert.match(nowhere.stderr, /write host:port or unix:/);
    });
  });
});
