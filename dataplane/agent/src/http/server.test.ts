import assert from 'node:assert/strict';
import { request } from 'node:http';
import { silentLogger } from '../logger.ts';
import { type HttpSources, serveHttp } from './server.ts';

const sources: HttpSources = {
  metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'quiver_build_info 1\n' }),
  notReady: () => '',
};

async function get(path: string, changed: Partial<HttpSources> = {}, method = 'GET'): Promise<[number, string]> {
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, { ...sources, ...changed }, silentLogger());
  try {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  } finally {
    await server.close();
  }
}

describe('metrics and health over HTTP', () => {
  it('serves the metrics that are there at that moment', async () => {
    assert.deepEqual(await get('/metrics'), [200, 'quiver_build_info 1\n']);
  });

  it('is alive whatever else holds', async () => {
    assert.deepEqual(await get('/healthz', { notReady: () => 'no configuration' }), [200, 'ok\n']);
  });

  it('says why it is not ready', async () => {
    assert.deepEqual(await get('/readyz', { notReady: () => 'no configuration is in force yet' }), [
      503,
      'no configuration is in force yet\n',
    ]);
    assert.deepEqual(await get('/readyz'), [200, 'ok\n']);
  });

  it('names what there is when asked for something else', async () => {
    assert.equal((await get('/'))[0], 404);
    assert.equal((await get('/metrics', {}, 'POST'))[0], 405);
  });

  it('answers malformed paths and queries', async () => {
    const server = await serveHttp({ host: '127.0.0.1', port: 0 }, sources, silentLogger());
    const ask = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ host: '127.0.0.1', port: server.port, path }, (response) => resolve(response.resume().statusCode))
          .once('error', reject)
          .end();
      });
    assert.deepEqual([await ask('//'), await ask('http://['), await ask('/healthz?verbose=1')], [404, 404, 200]);
    await server.close();
  });

  it('survives metrics that cannot be made', async () => {
    await assert.rejects(get('/metrics', { metrics: () => Promise.reject(new Error('no')) }));
  });

  it('names the address that is taken and the way out', async () => {
    const first = await serveHttp({ host: '127.0.0.1', port: 0 }, sources, silentLogger());
    const second = serveHttp({ host: '127.0.0.1', port: first.port }, sources, silentLogger());
    await assert.rejects(second, { code: 'AddressUnusable', message: /127\.0\.0\.1:\d+.*--metrics-address/ });
    await first.close();
  });
});
