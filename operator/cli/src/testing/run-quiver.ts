import { PassThrough } from 'node:stream';
import type { CliContext } from '../context.ts';
import { runCli } from '../program.ts';

/** What a command gave back. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Texts of a command while it runs, for tests that wait for them. */
export interface Running {
  readonly done: Promise<Ran>;
  readonly interrupt: () => void;
  /** Resolves when stdout holds the text. */
  readonly printed: (text: string) => Promise<void>;
}

/** Runs one command line in this process. */
export function runQuiver(args: readonly string[], changed: Partial<CliContext> = {}): Promise<Ran> {
  return startQuiver(args, changed).done;
}

/** Starts one that goes on until it is interrupted. */
export function startQuiver(args: readonly string[], changed: Partial<CliContext> = {}): Running {
  const interruption = new AbortController();
  const stderr = new PassThrough();
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  let wake = Promise.withResolvers<void>();
  stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const take = (bytes: Uint8Array) => {
    chunks.push(Buffer.from(bytes));
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const stdout = () => Buffer.concat(chunks).toString();
  const context: CliContext = {
    version: '0.1.0',
    isPlugin: false,
    stdout: {
      write: (text) => take(Buffer.from(text)),
      writeBytes: (bytes) => Promise.resolve(take(bytes)),
    },
    stderr,
    readStdin: () => Promise.resolve(''),
    env: {},
    hasColor: false,
    runDir: '/nonexistent',
    stateDir: '/nonexistent',
    interrupted: interruption.signal,
    pause: () => Promise.resolve(),
    now: () => Date.parse('2026-10-24T12:00:00Z'),
    random: () => 0,
    startEngine: () => Promise.reject(new Error('this command must not need an engine')),
    connectCluster: () => Promise.reject(new Error('this command must not ask a cluster')),
    ...changed,
  };
  const done = runCli(args, context).then((code) => ({
    code,
    stdout: stdout(),
    stderr: Buffer.concat(errors).toString(),
  }));
  const printed = async (text: string) => {
    while (!stdout().includes(text)) await Promise.race([wake.promise, done.then((ran) => failed(text, ran))]);
  };
  return { done, printed, interrupt: () => interruption.abort('SIGTERM') };
}

function failed(text: string, { code, stdout, stderr }: Ran): never {
  throw new Error(`it ended with ${code} and never printed "${text}"\n${stdout}\n${stderr}`);
}
