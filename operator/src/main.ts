#!/usr/bin/env node
// The composition root: the only place that sees the process.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { systemClock } from './clock.ts';
import { parseProgram } from './cluster/program.ts';
import { runOperator } from './cluster/run-operator.ts';
import { runRetire } from './cluster/run-retire.ts';
import { fromUnknown } from './errors.ts';
import { jsonLogger } from './logger.ts';

const { env, stdout, stderr } = process;
// Half of the memory for a third more of the processor, of which there is plenty between two changes.
setFlagsFromString('--optimize-for-size');
const packageFile = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(packageFile) as { version: string };

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Who asks twice does not want to wait.
    if (interruption.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    interruption.abort(signal);
  });
}

async function main(): Promise<number> {
  const program = parseProgram(process.argv.slice(2), env, version);
  if (program.kind === 'Say') {
    (program.exitCode === 0 ? stdout : stderr).write(program.text);
    return program.exitCode;
  }
  const logger = jsonLogger(program.settings.logLevel, stdout);
  const context = { clock: systemClock(), random: Math.random, logger, version, signal: interruption.signal };
  try {
    if (program.kind === 'Run') return await runOperator(program.settings, context);
    await runRetire(program.settings, { ...context, print: (line) => void stdout.write(`${line}\n`) });
    return 0;
  } catch (caught) {
    const { code, message } = fromUnknown(caught);
    logger.error('the operator ends', { code, reason: message });
    return 1;
  }
}

// Timers of the clock keep no process alive; this one does, until the end is decided here.
setInterval(() => undefined, 60_000);
const exitCode = await main();
stdout.write('', () => process.exit(exitCode));
