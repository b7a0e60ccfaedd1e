import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { removeStaleSocket } from '../admin/socket.ts';
import { AgentError, messageOf } from '../errors.ts';
import { type CniAnswer, cniErrors } from './answer.ts';
import { type CniRequest, parseRequest } from './request.ts';

/** A request is the runtime's whole word on a pod: annotations of up to 256 KiB, twice. */
const longestRequest = 4 * 1024 * 1024;
/** Time for a request to arrive. */
const arrivalMilliseconds = 10_000;

export interface CniListening {
  close(): Promise<void>;
}

/** Serves the CNI plugin at a socket of its own: one line of JSON in, one line out. */
export async function serveCni(
  path: string,
  handle: (request: CniRequest) => Promise<CniAnswer>,
): Promise<CniListening> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handle);
  });
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeStaleSocket(path);
    await listen(server, path);
    await chmod(path, 0o600);
  } catch (caught) {
    const message = `cannot listen at ${path}: ${messageOf(caught)}; choose another with --cni-socket`;
    throw new AgentError('CniUnusable', message, { cause: caught });
  }
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await rm(path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function serve(socket: Socket, handle: (request: CniRequest) => Promise<CniAnswer>): void {
  const pieces: Buffer[] = [];
  let length = 0;
  let isAsked = false;
  socket.setTimeout(arrivalMilliseconds, () => (isAsked ? undefined : socket.destroy()));
  socket.on('error', () => socket.destroy());
  socket.on('end', () => (isAsked ? undefined : socket.destroy()));
  socket.on('data', (piece: Buffer) => {
    if (isAsked) return;
    pieces.push(piece);
    length += piece.length;
    isAsked = piece.includes('\n');
    if (!isAsked && length <= longestRequest) return;
    isAsked = true;
    void answer(Buffer.concat(pieces).toString(), handle).then((text) => socket.end(text));
  });
}

async function answer(line: string, handle: (request: CniRequest) => Promise<CniAnswer>): Promise<string> {
  let request: CniRequest;
  try {
    request = parseRequest(line.slice(0, longestRequest));
  } catch (caught) {
    const error = { code: cniErrors.badRequest, msg: 'quiver: the request cannot be read', details: messageOf(caught) };
    return `${JSON.stringify({ error })}\n`;
  }
  return `${JSON.stringify(await handle(request))}\n`;
}
