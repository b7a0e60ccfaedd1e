import assert from 'node:assert/strict';
import { QuiverError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { type HttpListening, serveHttp } from './server.ts';

describe('plain HTTP of the operator', () => {
  let listening: HttpListening;

  beforeEach(async () => {
    const routes = {
      '/healthz': () => ({ status: 200, text: 'ok\n' }),
      '/broken': () => Promise.reject(new Error('broken')),
    };
    listening = await serveHttp('127.0.0.1:0', routes, silentLogger());
  });

  afterEach(() => listening.close());

  function get(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${listening.port}${path}`, init);
  }

  it('answers its paths and names them for any other', async () => {
    const healthy = await get('/healthz?verbose');
    assert.deepEqual([healthy.status, await healthy.text()], [200, 'ok\n']);
    const unknown = await get('/toString');
    assert.deepEqual([unknown.status, await unknown.text()], [404, 'there is /healthz, /broken\n']);
    assert.equal((await get('/healthz', { method: 'POST' })).status, 405);
  });

  it('goes on when an answer fails', async () => {
    await assert.rejects(get('/broken'));
    assert.equal((await get('/healthz')).status, 200);
  });

  it('says which address is taken', async () => {
    await assert.rejects(
      serveHttp(`127.0.0.1:${listening.port}`, {}, silentLogger()),
      (error: unknown) => error instanceof QuiverError && error.code === 'ListenFailed',
    );
  });
});
