#!/usr/bin/env node
// The composition root: the only place that sees the process.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { assertRuntime } from './cluster/runtime.ts';
import { completeWord } from './commands/complete.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './failure.ts';
import { runCli } from './program.ts';

const { env, stdout, stderr, stdin } = process;

// A reader that has seen enough, such as `head`, is no error.
stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failure),
);

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Who asks twice does not want to wait.
    if (interruption.signal.aborted) process.exit(signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated);
    interruption.abort(signal);
  });
}

const packageFile = readFileSync(new URL('../package.json', import.meta.url), 'utf8');

const calledAs = basename(process.argv[1] ?? '');

const context: CliContext = {
  version: (JSON.parse(packageFile) as { version: string }).version,
  isPlugin: calledAs.startsWith('kubectl'),
  stdout: {
    write: (data) => void stdout.write(data),
    writeBytes: async (bytes) => {
      if (!stdout.write(bytes)) await once(stdout, 'drain');
    },
  },
  stderr,
  readStdin: () => text(stdin),
  env,
  hasColor: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  runDir: '/run/quiver',
  stateDir: '/var/lib/quiver',
  interrupted: interruption.signal,
  pause: (milliseconds) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      interruption.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
  now: Date.now,
  random: Math.random,
  startEngine: async (options) => (await import('@quiver/agent')).startEngine(options),
  connectCluster: async (target) => {
    assertRuntime(process.versions.node);
    const { connectCluster } = await import('./cluster/connect.ts');
    return connectCluster(target, { env, interrupted: interruption.signal, now: Date.now });
  },
};

// The name by which kubectl asks a plugin for completions; a link to the program is enough.
const words = calledAs.startsWith('kubectl_complete-') ? [completeWord] : [];
const exitCode = await runCli([...words, ...process.argv.slice(2)], context);
process.exitCode = exitCode;
// A signal during a command that only watches is its usual end.
if (interruption.signal.reason === 'SIGINT' && process.argv[2] !== 'standalone' && process.argv[2] !== 'agent')
  process.exitCode = exitCodes.interrupted;
