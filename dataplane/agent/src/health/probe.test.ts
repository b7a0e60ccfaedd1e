import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkProbe, type ProbeOrder } from './probe.ts';

const order: ProbeOrder = { kind: 'TCP', address: '127.0.0.1', port: 0, path: '', timeoutMs: 2_000 };

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

describe('probing over the network', () => {
  it('finds a target that accepts connections, and one that does not any more', async () => {
    const server = createServer((socket) => socket.destroy());
    const port = await listen(server);
    assert.equal(await networkProbe({ ...order, port }), true);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await networkProbe({ ...order, port }), false);
  });

  it('takes HTTP answers from 200 to 399 only', async () => {
    const server = createHttpServer((request, response) => response.writeHead(Number(request.url?.slice(1))).end('x'));
    const port = await listen(server);
    const ask = (path: string) => networkProbe({ ...order, kind: 'HTTP', port, path });
    assert.deepEqual(
      [await ask('/200'), await ask('/302'), await ask('/404'), await ask('/503')],
      [true, true, false, false],
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('does not take a server for healthy that says nothing', async () => {
    const server = createServer((socket) => socket.resume());
    const port = await listen(server);
    assert.equal(await networkProbe({ ...order, kind: 'HTTP', port, timeoutMs: 50 }), false);
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
});
