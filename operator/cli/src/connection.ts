import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClientUnaryCall, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { AdminServiceClient } from '@quiver/dataplane-api';
import type { CliContext } from './context.ts';
import { exitCodes, Failure, usageFailure } from './failure.ts';

/** Sockets for agents lie beside those for people, under names that end so. */
export const operatorSocketEnding = '.operator.sock';

const answerMilliseconds = 10_000;

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** A node, asked over its admin socket. */
export class Connection {
  readonly client: AdminServiceClient;
  readonly #path: string;
  readonly #interrupted: AbortSignal;

  private constructor(path: string, interrupted: AbortSignal) {
    this.#path = path;
    this.#interrupted = interrupted;
    this.client = new AdminServiceClient(`unix:${path}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
    });
  }

  /** Runs `use` with the node at `--socket`, QUIVER_SOCKET, or the only one that runs here. */
  static async with<T>(
    socket: string | undefined,
    context: CliContext,
    use: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const path = socket ?? context.env['QUIVER_SOCKET'] ?? (await onlySocket(context.runDir));
    await assertUsable(path);
    const connection = new Connection(path, context.interrupted);
    try {
      return await use(connection);
    } finally {
      connection.client.close();
    }
  }

  async ask<Response>(call: (done: Done<Response>) => ClientUnaryCall): Promise<Response> {
    const tooLate = AbortSignal.timeout(answerMilliseconds);
    const signal = AbortSignal.any([tooLate, this.#interrupted]);
    return new Promise((resolve, reject) => {
      const running = call((error, response) => {
        if (error === null) resolve(response);
        else reject(this.failure(error, tooLate.aborted));
      });
      signal.addEventListener('abort', () => running.cancel(), { once: true });
    });
  }

  /** What an error of a call means to the user. */
  failure(error: ServiceError, isTooLate = false): Failure {
    if (this.#interrupted.aborted) return new Failure('interrupted', exitCodes.interrupted);
    if (isTooLate) return new Failure(`the router at ${this.#path} does not answer`);
    if (error.code === status.UNAVAILABLE) return new Failure(`no router runs behind ${this.#path}: ${error.details}`);
    if (error.code === status.UNIMPLEMENTED)
      return new Failure(`the router at ${this.#path} is of another version and does not know this command`);
    return new Failure(error.details);
  }
}

async function onlySocket(runDir: string): Promise<string> {
  const names = await readdir(runDir).catch(() => []);
  const sockets = names.filter((name) => name.endsWith('.sock') && !name.endsWith(operatorSocketEnding)).toSorted();
  const [first, second] = sockets;
  if (first === undefined)
    throw new Failure(`no router runs here: ${runDir} holds no socket; start one, or name its socket with --socket`);
  if (second !== undefined)
    throw usageFailure(
      `several routers run here; choose one with --socket: ${sockets.map((name) => join(runDir, name)).join(', ')}`,
    );
  return join(runDir, first);
}

async function assertUsable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (caught) {
    const isThere = (caught as NodeJS.ErrnoException).code !== 'ENOENT';
    throw new Failure(
      isThere
        ? `you may not use ${path}; run the command as the router's user (root)`
        : `there is no socket ${path}; is the router running?`,
    );
  }
}
