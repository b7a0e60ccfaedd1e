import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import {
  AdminServiceClient,
  type CaptureResponse,
  type Dump,
  DumpRequest,
  Explanation,
  Session,
  StatusResponse,
} from '@quiver/dataplane-api';
import { FakeEngine } from '../testing/fake-engine.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { type AdminListening, serveAdmin } from './server.ts';

describe('the admin socket', () => {
  const folder = scratchFolder();
  let engine: FakeEngine;
  let admin: AdminListening;
  let client: AdminServiceClient;
  const socket = () => join(folder(), 'run', 'a.sock');
  const sources = () => ({
    engine,
    status: () => Promise.resolve(StatusResponse.create({ router: 'a' })),
    drops: () => Promise.resolve([{ number: 12, reason: 'no_tenant', description: 'No tenant.', packets: 2n }]),
    captures: folder(),
  });

  beforeEach(async () => {
    engine = new FakeEngine();
    admin = await serveAdmin(socket(), sources());
    client = new AdminServiceClient(`unix:${socket()}`, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    await admin.close();
  });

  const ask = <T>(call: (done: (error: ServiceError | null, response: T) => void) => unknown) =>
    new Promise<T>((resolve, reject) => {
      call((error, response) => (error === null ? resolve(response) : reject(error)));
    });

  it('can be used by its owner only', async () => {
    assert.equal(((await stat(socket())).mode & 0o777).toString(8), '600');
  });

  it('answers how the node is', async () => {
    assert.equal((await ask<StatusResponse>((done) => client.status({}, done))).router, 'a');
  });

  it('hands the filter of sessions to the engine', async () => {
    engine.sessions = [
      Session.create({ sessionId: 's1', service: 'prod/db' }),
      Session.create({ service: 'prod/web' }),
    ];
    const dump = await ask<Dump>((done) => client.sessions(DumpRequest.create({ service: 'prod/db' }), done));
    assert.deepEqual(
      dump.sessions.map(({ sessionId }) => sessionId),
      ['s1'],
    );
  });

  it('explains a conversation', async () => {
    engine.explanation = Explanation.create({ verdict: 'Forwarded' });
    const request = {
      from: { address: '10.1.0.5', port: 0 },
      to: { address: '198.18.0.1', port: 80 },
      protocol: 6,
      interface: '',
    };
    assert.equal((await ask<Explanation>((done) => client.explain(request, done))).verdict, 'Forwarded');
    assert.deepEqual(engine.explained, [request]);
  });

  it('counts drops', async () => {
    const { drops } = await ask<{ drops: { reason: string }[] }>((done) => client.drops({}, done));
    assert.deepEqual(
      drops.map(({ reason }) => reason),
      ['no_tenant'],
    );
  });

  it('answers with the sentence of the engine when it fails', async () => {
    engine.failure = new Error('a worker did not answer within two seconds; try again');
    const asked = ask((done) => client.sessions(DumpRequest.create(), done));
    await assert.rejects(asked, { details: 'a worker did not answer within two seconds; try again' });
  });

  async function capture(request: Parameters<AdminServiceClient['capture']>[0]): Promise<CaptureResponse[]> {
    const responses: CaptureResponse[] = [];
    for await (const response of client.capture(request)) responses.push(response as CaptureResponse);
    return responses;
  }

  it('sends a capture piece by piece with the summary last, and keeps nothing', async () => {
    engine.captured = Buffer.alloc(300_000, 7);
    const responses = await capture({ address: '10.1.0.5', port: 80, maxPackets: 5n, maxSeconds: 9 });
    const pieces = responses.flatMap(({ part }) => (part?.$case === 'data' ? [part.value] : []));
    assert.deepEqual(Buffer.concat(pieces), engine.captured);
    assert.deepEqual(responses.at(-1)?.part, { $case: 'summary', value: { packets: 3n, missed: 1n } });
    const [order] = engine.captures;
    assert.deepEqual({ ...order, path: '' }, { path: '', address: '10.1.0.5', port: 80, maxPackets: 5, maxSeconds: 9 });
    assert.deepEqual(await readdir(folder()), ['run']);
  });

  it('ends a capture without a limit by itself', async () => {
    await capture({ address: '', port: 0, maxPackets: 0n, maxSeconds: 0 });
    assert.equal(engine.captures[0]?.maxSeconds, 30);
  });

  it('ends the capture of a caller that goes away', async () => {
    engine.capturesUntilEnded = true;
    const call = client.capture({ address: '', port: 0, maxPackets: 0n, maxSeconds: 3_600 });
    const failed = once(call, 'error');
    await once(call, 'metadata');
    call.cancel();
    await failed;
    await engine.captureEnded;
    while ((await readdir(folder())).length > 1) await setImmediate();
    assert.deepEqual(await readdir(folder()), ['run']);
  });

  it('says why a capture cannot be made', async () => {
    engine.failure = new Error('a capture is running; wait for its end');
    const asked = capture({ address: '', port: 0, maxPackets: 0n, maxSeconds: 1 });
    await assert.rejects(asked, { details: 'a capture is running; wait for its end' });
    assert.deepEqual(await readdir(folder()), ['run']);
  });

  it('does not take a socket from a process that lives', async () => {
    await assert.rejects(serveAdmin(socket(), sources()), {
      code: 'SocketUnusable',
      message: /another process.*--socket/,
    });
  });

  it('does not remove a file that is no socket', async () => {
    const path = join(folder(), 'precious');
    await writeFile(path, 'data');
    await assert.rejects(serveAdmin(path, sources()), { code: 'SocketUnusable', message: /is no socket/ });
  });

  it('refuses a path that the kernel would cut off', async () => {
    const path = join(folder(), 'x'.repeat(120));
    await assert.rejects(serveAdmin(path, sources()), { code: 'SocketUnusable', message: /107 bytes/ });
  });

  it('is gone from the file system after closing', async () => {
    await admin.close();
    await assert.rejects(stat(socket()));
  });
});
