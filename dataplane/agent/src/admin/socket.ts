import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { AgentError, messageOf } from '../errors.ts';

/** Longest path of a Unix socket on Linux, in bytes. */
const longestPath = 107;

/** Opens a gRPC server at a socket that only its owner can use. */
export async function listenAtSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) {
    throw new AgentError('SocketUnusable', `${path} is longer than ${longestPath} bytes; choose a shorter --socket`);
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeStaleSocket(path);
    await bind(server, path);
    await chmod(path, 0o600);
  } catch (caught) {
    if (caught instanceof AgentError) throw caught;
    const message = `cannot listen at ${path}: ${messageOf(caught)}; choose another with --socket`;
    throw new AgentError('SocketUnusable', message, { cause: caught });
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Removes a socket that nobody answers, left by a process that died. Rejects with an `AgentError` when it is anything else. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new AgentError('SocketUnusable', `${path} is there and is no socket; choose another with --socket`);
  }
  if (await isAnswered(path)) {
    throw new AgentError('SocketUnusable', `another process serves ${path}; stop it or choose another with --socket`);
  }
  await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
