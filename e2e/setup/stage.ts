import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Counts, NO_TESTS } from './counts.ts';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** No colours: the output is read by people and by us, from pipes and files. */
const PLAIN = { NO_COLOR: '1', CARGO_TERM_COLOR: 'never', TERM: 'dumb' };

/** How a program ended and all that it printed. */
export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Prints the output while it comes, too. */
  readonly live?: boolean;
}

/** Runs a program to its end and collects its output, standard error included. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...PLAIN, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
      if (options.live === true) process.stdout.write(text);
    });
  }
  return new Promise((done) => {
    child.on('error', (error) => done({ ok: false, output: `${command}: ${error.message}` }));
    child.on('close', (code) => done({ ok: code === 0, output }));
  });
}

/** One step of a check: does something and says whether it was right. */
export interface Stage {
  readonly name: string;
  run(): Promise<StageOutcome>;
}

export interface StageOutcome extends Outcome {
  /** Absent for a step that runs no tests. */
  readonly counts?: Counts;
}

export interface StageReport {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: number;
  readonly counts: Counts;
}

/** A step that runs no tests but fails counts as one failure; so does one whose tests did not even start. */
function countsOf(outcome: StageOutcome): Counts {
  const counts = outcome.counts ?? NO_TESTS;
  return !outcome.ok && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

export async function runStage(stage: Stage): Promise<StageReport> {
  const start = performance.now();
  const outcome = await stage.run();
  const seconds = (performance.now() - start) / 1000;
  const report: StageReport = {
    name: stage.name,
    ok: outcome.ok,
    output: outcome.output,
    seconds,
    counts: countsOf(outcome),
  };
  process.stdout.write(line(report));
  if (!report.ok) process.stdout.write(`${lastPart(report.output)}\n`);
  return report;
}

/** Runs the stages of each lane one after the other, the lanes side by side. */
export async function runLanes(lanes: readonly (readonly Stage[])[]): Promise<StageReport[]> {
  const reports = await Promise.all(
    lanes.map(async (lane) => {
      const done: StageReport[] = [];
      for (const stage of lane) done.push(await runStage(stage));
      return done;
    }),
  );
  return reports.flat();
}

function line({ name, ok, seconds, counts }: StageReport): string {
  const tests = counts.passed + counts.failed + counts.skipped;
  const figures = tests === 0 ? '' : `  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  return `${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(24)} ${seconds.toFixed(1).padStart(6)} s${figures}\n`;
}

/** Enough of a failed program's output to see why, and no more. */
function lastPart(output: string): string {
  const limit = 20_000;
  return output.length <= limit ? output : `…\n${output.slice(-limit)}`;
}
