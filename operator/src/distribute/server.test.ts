import assert from 'node:assert/strict';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { QuiverError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { projectAll } from '../project/node-config.ts';
import { type Pem, TestAuthority } from '../testing/certificates.ts';
import { exampleSnapshot } from '../testing/example.ts';
import { StreamAgent } from '../testing/stream-agent.ts';
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts';
import { translate } from '../translate/index.ts';
import { spiffeIdOf } from './caller-identity.ts';
import { Distributor } from './distributor.ts';
import type { TlsFiles } from './listener.ts';
import { type Listening, serveAgents } from './server.ts';

const node1 = [{ type: 'url', value: spiffeIdOf({ fabric: 'corp', router: 'site-a', node: 'node1' }) }] as const;
const node2 = [{ type: 'url', value: spiffeIdOf({ fabric: 'corp', router: 'site-a', node: 'node2' }) }] as const;
const localhost = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
] as const;

describe('address for agents', () => {
  let folder: TemporaryFolder;
  let distributor: Distributor;
  let listening: Listening | undefined;
  let agents: StreamAgent[];

  beforeEach(() => {
    folder = temporaryFolder();
    agents = [];
    distributor = new Distributor({ epoch: 1n, logger: silentLogger() });
    const snapshot = exampleSnapshot();
    const { ir } = translate(snapshot);
    distributor.publish(ir, projectAll(ir), snapshot.secrets);
  });

  afterEach(async () => {
    for (const agent of agents) agent.close();
    await listening?.close();
    listening = undefined;
    folder.remove();
  });

  function track(agent: StreamAgent): StreamAgent {
    agents.push(agent);
    return agent;
  }

  async function serve(listen: string, tls?: TlsFiles): Promise<Listening> {
    listening = await serveAgents({ listen, tls }, { distributor, logger: silentLogger() }, 50);
    return listening;
  }

  describe('on a socket of this machine', () => {
    it('serves an agent and takes its answer', async () => {
      const socket = join(folder.path, 'operator.sock');
      await serve(`unix:${socket}`);
      assert.equal(statSync(socket).mode & 0o777, 0o600);
      const agent = track(new StreamAgent(`unix:${socket}`));
      agent.hello();
      const message = await agent.messages.first(({ $case }) => $case === 'snapshot');
      assert.ok(message.$case === 'snapshot');
      const acknowledged = new Promise<void>((resolve) => {
        distributor.onChange(() => distributor.reports()[0]?.acknowledged !== undefined && resolve());
      });
      agent.say({ $case: 'ack', value: { version: message.value.version } });
      await acknowledged;
    });

    it('notices that an agent has gone', async () => {
      const socket = join(folder.path, 'operator.sock');
      await serve(`unix:${socket}`);
      const agent = track(new StreamAgent(`unix:${socket}`));
      agent.hello();
      await agent.messages.first(({ $case }) => $case === 'snapshot');
      const gone = new Promise<void>((resolve) => {
        distributor.onChange(() => distributor.reports()[0]?.isConnected === false && resolve());
      });
      agent.close();
      await gone;
    });

    it('ends the stream of an agent that it refuses', async () => {
      const socket = join(folder.path, 'operator.sock');
      await serve(`unix:${socket}`);
      const agent = track(new StreamAgent(`unix:${socket}`));
      agent.hello({ node: 'node9' });
      const message = await agent.messages.first(({ $case }) => $case === 'refused');
      assert.ok(message.$case === 'refused' && message.value.code === 'UnknownNode');
      assert.equal(await agent.ends.first(() => true), 'end');
    });

    it('takes over a socket that a dead process left and leaves none behind', async () => {
      const socket = join(folder.path, 'operator.sock');
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(`${socket}.old`, resolve));
      renameSync(`${socket}.old`, socket);
      await new Promise((resolve) => other.close(resolve));
      assert.equal(existsSync(socket), true);
      await (await serve(`unix:${socket}`)).close();
      assert.equal(existsSync(socket), false);
    });

    it('refuses a socket that another process serves, and a path that is no socket', async () => {
      const socket = join(folder.path, 'operator.sock');
      await serve(`unix:${socket}`);
      const isListenFailed = (error: unknown) => error instanceof QuiverError && error.code === 'ListenFailed';
      const deps = { distributor, logger: silentLogger() };
      await assert.rejects(serveAgents({ listen: `unix:${socket}` }, deps), isListenFailed);
      const file = folder.write('precious', 'text');
      await assert.rejects(serveAgents({ listen: `unix:${file}` }, deps), isListenFailed);
      assert.equal(existsSync(file), true);
      await assert.rejects(serveAgents({ listen: '127.0.0.1:0' }, deps), isListenFailed);
    });
  });

  describe('with certificates', () => {
    let authority: TestAuthority;
    let files: TlsFiles;

    beforeEach(async () => {
      authority = await TestAuthority.create('fabric');
      files = writePem('server', await authority.issue(localhost));
    });

    function writePem(name: string, { certificate, key }: Pem): TlsFiles {
      return {
        certificate: folder.write(`${name}.crt`, certificate),
        key: folder.write(`${name}.key`, key),
        authority: folder.write('authority.crt', authority.pem),
      };
    }

    function dial(port: number, pem: Pem | undefined, trusted = authority.pem): StreamAgent {
      const own = pem === undefined ? [] : ([Buffer.from(pem.key), Buffer.from(pem.certificate)] as const);
      const secured = credentials.createSsl(Buffer.from(trusted), ...own);
      return track(new StreamAgent(`localhost:${port}`, secured));
    }

    it('serves the node that the certificate names', async () => {
      const { port } = await serve('127.0.0.1:0', files);
      const agent = dial(port, await authority.issue(node1));
      agent.hello();
      const message = await agent.messages.first(() => true);
      assert.equal(message.$case, 'snapshot');
    });

    it('refuses a node that says to be another than its certificate names', async () => {
      const { port } = await serve('127.0.0.1:0', files);
      const agent = dial(port, await authority.issue(node2));
      agent.hello();
      const message = await agent.messages.first(() => true);
      assert.ok(message.$case === 'refused' && message.value.code === 'IdentityMismatch');
    });

    it('lets nobody in without a certificate', async () => {
      const { port } = await serve('127.0.0.1:0', files);
      const agent = dial(port, undefined);
      agent.hello();
      assert.match(await agent.ends.first(() => true), /UNAVAILABLE/);
      assert.deepEqual(agent.messages.seen, []);
    });

    it('lets nobody in with a certificate of another authority', async () => {
      const { port } = await serve('127.0.0.1:0', files);
      const stranger = await TestAuthority.create('stranger');
      const agent = dial(port, await stranger.issue(node1));
      agent.hello();
      assert.match(await agent.ends.first(() => true), /UNAVAILABLE/);
      assert.deepEqual(agent.messages.seen, []);
    });

    it('uses a new certificate without a restart', async () => {
      const { port } = await serve('127.0.0.1:0', files);
      const first = dial(port, await authority.issue(node1));
      first.hello();
      await first.messages.first(() => true);
      const next = await TestAuthority.create('next');
      const renewed = await next.issue(localhost);
      writeFileSync(files.certificate, renewed.certificate);
      writeFileSync(files.key, renewed.key);
      const pem = await authority.issue(node1);
      // Each attempt is one handshake; the files are looked at every 50 ms.
      for (let isServed = false; !isServed; ) {
        const agent = dial(port, pem, next.pem);
        agent.hello();
        isServed = await Promise.race([
          agent.messages.first(() => true).then(() => true),
          agent.ends.first(() => true).then(() => false),
        ]);
        agent.close();
      }
    });
  });
});
