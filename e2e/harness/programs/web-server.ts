// Serves the files of a folder over HTTP and prints a line per request: `node web-server.ts FOLDER PORT [PORT ...]`.
// With `?rate=N` a file comes at N bytes per second.
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { setInterval } from 'node:timers/promises';

const [folder = '.', ...ports] = process.argv.slice(2);
const STEP_MS = 5;

async function sendPaced(path: string, rate: number, response: ServerResponse): Promise<void> {
  const file = await open(path);
  const chunk = Math.max(1, Math.round((rate * STEP_MS) / 1000));
  for await (const _ of setInterval(STEP_MS)) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunk), 0, chunk);
    if (bytesRead === 0 || response.destroyed) break;
    const isTaken = response.write(buffer.subarray(0, bytesRead));
    if (!isTaken) await new Promise((resume) => response.once('drain', resume).once('close', resume));
  }
  await file.close();
  response.end();
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://server');
  process.stdout.write(`${request.socket.remoteAddress} ${url.pathname}\n`);
  const name = basename(url.pathname);
  const path = join(folder, name);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || name === '') {
    response.writeHead(404).end('no such file\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  const rate = Number(url.searchParams.get('rate') ?? 0);
  if (rate > 0) void sendPaced(path, rate, response);
  else createReadStream(path, { highWaterMark: 1 << 20 }).pipe(response);
}

for (const port of ports) {
  const server = createServer(answer);
  // A client behind a closed window is not idle for us.
  server.requestTimeout = 0;
  server.listen(Number(port), '::');
  await once(server, 'listening');
}
process.stdout.write('listening\n');
