import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { parse } from 'yaml';
import { systemClock } from './clock.ts';
import { spiffeIdOf } from './distribute/caller-identity.ts';
import { QuiverError } from './errors.ts';
import { silentLogger } from './logger.ts';
import { type Standalone, startStandalone } from './standalone.ts';
import { TestAuthority } from './testing/certificates.ts';
import { Eventually } from './testing/eventually.ts';
import { resourceYaml, routerYaml } from './testing/example.ts';
import { StreamAgent } from './testing/stream-agent.ts';
import { type TemporaryFolder, temporaryFolder } from './testing/temporary-folder.ts';

describe('standalone router', () => {
  let folder: TemporaryFolder;
  let running: Standalone | undefined;
  let agent: StreamAgent | undefined;
  let lines: Eventually<string>;

  beforeEach(() => {
    folder = temporaryFolder();
    lines = new Eventually();
    mkdirSync(join(folder.path, 'resources'));
    folder.write('router.yaml', routerYaml);
    folder.write('secret', '0123456789abcdef0123456789abcdef');
    folder.write('resources/all.yaml', resourceYaml);
  });

  afterEach(async () => {
    agent?.close();
    await running?.stop();
    running = undefined;
    agent = undefined;
    folder.remove();
  });

  async function start(): Promise<Standalone> {
    const settings = {
      routerFile: join(folder.path, 'router.yaml'),
      resources: [join(folder.path, 'resources')],
      socket: join(folder.path, 'operator.sock'),
      statusFile: join(folder.path, 'status.yaml'),
    };
    running = await startStandalone(settings, { clock: systemClock(), logger: silentLogger(), print: lines.push });
    return running;
  }

  it('serves an agent from files and takes an edit to it within a second', async () => {
    await start();
    agent = new StreamAgent(`unix:${join(folder.path, 'operator.sock')}`);
    agent.hello();
    const first = await agent.messages.first(({ $case }) => $case === 'snapshot');
    assert.ok(first.$case === 'snapshot');
    agent.say({ $case: 'ack', value: { version: first.value.version } });
    await lines.first((line) => line === 'Service prod/db: Ready=True');
    const clock = systemClock();
    const begin = clock.now();
    folder.write('resources/all.yaml', resourceYaml.replace('port: 5432', 'port: 5433'));
    const second = await agent.messages.first(
      (message) => message.$case === 'snapshot' && message.value.version === 2n,
    );
    assert.ok(clock.now() - begin < 1000);
    assert.ok(second.$case === 'snapshot');
    assert.equal(second.value.config?.services[0]?.ports[0]?.firstPort, 5433);
  });

  it('prints a mistake with file, line and way out, and again when it is solved', async () => {
    await start();
    folder.write('resources/all.yaml', resourceYaml.replace('tenant: web.prod', 'tenant: web.prud'));
    const place = join(folder.path, 'resources/all.yaml');
    const line = await lines.first((one) =>
      one.startsWith(`${place}:12: Service prod/db: spec.access[0].tenant: there is no Tenant web.prud`),
    );
    folder.write('resources/all.yaml', resourceYaml);
    await lines.first((one) => one === `solved: ${line}`);
  });

  it('keeps a status file while it runs and leaves nothing behind', async () => {
    const { stop } = await start();
    await lines.first((line) => line.startsWith('Peer site-b'));
    const file = join(folder.path, 'status.yaml');
    const status = await readStatus(file);
    assert.deepEqual(status.nodes, [{ name: 'node1', connected: false, version: '1', state: 'Pending', sessions: 0 }]);
    await stop();
    running = undefined;
    assert.deepEqual([existsSync(file), existsSync(join(folder.path, 'operator.sock'))], [false, false]);
  });

  it('serves nodes elsewhere with the certificates of the router file', async () => {
    const authority = await TestAuthority.create('fabric');
    const own = await authority.issue([{ type: 'dns', value: 'localhost' }]);
    folder.write('server.crt', own.certificate);
    folder.write('server.key', own.key);
    folder.write('authority.crt', authority.pem);
    const tls = 'tls: {certificate: server.crt, key: server.key, authority: authority.crt}';
    folder.write('router.yaml', `${routerYaml}operator: {listen: "127.0.0.1:0", ${tls}}\n`);
    const { port } = await start();
    const id = spiffeIdOf({ fabric: 'corp', router: 'site-a', node: 'node1' });
    const pem = await authority.issue([{ type: 'url', value: id }]);
    const secured = credentials.createSsl(
      Buffer.from(authority.pem),
      Buffer.from(pem.key),
      Buffer.from(pem.certificate),
    );
    agent = new StreamAgent(`localhost:${port}`, secured);
    agent.hello();
    assert.equal((await agent.messages.first(() => true)).$case, 'snapshot');
  });

  it('does not begin with a broken router file, and says where', async () => {
    folder.write('router.yaml', `${routerYaml}colour: red\n`);
    await assert.rejects(
      start(),
      (error) =>
        error instanceof QuiverError &&
        error.code === 'SourceUnreadable' &&
        /router\.yaml:8: .*colour/.test(error.message),
    );
    assert.equal(existsSync(join(folder.path, 'operator.sock')), false);
  });

  it('leaves nothing behind when an address is taken', async () => {
    const first = await start();
    await assert.rejects(start(), (error) => error instanceof QuiverError && error.code === 'ListenFailed');
    running = first;
  });
});

async function readStatus(file: string): Promise<{ nodes: unknown }> {
  const clock = systemClock();
  while (!existsSync(file)) await new Promise<void>((resolve) => clock.after(5, resolve));
  return parse(readFileSync(file, 'utf8')) as { nodes: unknown };
}
