import { Writable } from 'node:stream';
import type { Exec, V1Status } from '@kubernetes/client-node';
import type { ContainerRef, Executed } from './cluster.ts';
import { reasonOf } from './reason-of.ts';

/** What is needed of a WebSocket; the client gives no type for it. */
interface Socket {
  terminate(): void;
  addEventListener(event: 'error' | 'close', listener: (event: unknown) => void): void;
}

/** One command over one WebSocket: ends with the status that the API server sends last, or when the connection breaks. */
export class RunningExec {
  readonly #ended = Promise.withResolvers<V1Status>();
  #close: () => void = () => undefined;

  constructor() {
    // The one who waits comes later.
    this.#ended.promise.catch(() => undefined);
  }

  async run(exec: Exec, { namespace, pod, container }: ContainerRef, command: readonly string[]): Promise<Executed> {
    const [stdout, stderr] = [new Collector(), new Collector()];
    const opening = this.#open(() =>
      exec.exec(namespace, pod, container, [...command], stdout, stderr, null, false, (status) =>
        this.#ended.resolve(status),
      ),
    );
    try {
      await Promise.race([opening, this.#ended.promise]);
      return { exitCode: exitCodeOf(await this.#ended.promise), stdout: stdout.text(), stderr: stderr.text() };
    } finally {
      opening.then(
        () => this.#close(),
        () => undefined,
      );
    }
  }

  async #open(connect: () => Promise<Socket>): Promise<void> {
    const socket = await connect();
    this.#close = () => socket.terminate();
    socket.addEventListener('error', (event) => this.fail(event));
    socket.addEventListener('close', () => this.fail(new Error('the connection ended before the command did')));
  }

  fail(reason: unknown): void {
    this.#ended.reject(reason instanceof Error ? reason : new Error(reasonOf(reason)));
  }
}

class Collector extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

function exitCodeOf({ status, message, details }: V1Status): number {
  if (status === 'Success') return 0;
  const cause = details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message === undefined) throw new Error(message ?? 'the API server gave no reason');
  return Number(cause.message);
}
