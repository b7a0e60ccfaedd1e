import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Counts } from './counts.ts';
import { ROOT, type RunOptions, run, type StageOutcome } from './stage.ts';

/** Test files that need neither root nor a cluster. */
export const UNIT_TESTS = [
  'crds/**/*.test.ts',
  'operator/**/*.test.ts',
  'dataplane/**/*.test.ts',
  'e2e/{setup,structure,harness,demo,tools,charts}/**/*.test.ts',
];
/** Test files that make network namespaces. */
export const NAMESPACE_TESTS = ['e2e/netns/**/*.test.ts'];

// A limit against hanging, not a measure of speed: the machine may be busy with a build.
const MOCHA = ['--forbid-only', '--timeout', '60000', '--reporter', 'e2e/setup/counting-reporter.mjs'];

export function testFiles(patterns: readonly string[]): string[] {
  const exclude = ['**/node_modules/**', '**/target/**', '**/dist/**'];
  return globSync(patterns, { cwd: ROOT, exclude }).toSorted();
}

function readCounts(file: string): Counts | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Counts;
  } catch {
    return undefined;
  }
}

export interface MochaOptions extends RunOptions {
  /** Program and arguments put in front, e.g. `sudo`. */
  readonly prefix?: readonly string[];
  readonly args?: readonly string[];
}

/** Runs the test files in one mocha process. No file at all is a failure. */
export async function runMocha(files: readonly string[], options: MochaOptions = {}): Promise<StageOutcome> {
  if (files.length === 0) return { ok: false, output: 'There is no test file.' };
  const folder = mkdtempSync(join(tmpdir(), 'quiver-mocha-'));
  const countsFile = join(folder, 'counts.json');
  const mocha = join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const more = ['--reporter-option', `counts=${countsFile}`, ...(options.args ?? [])];
  const command = [...(options.prefix ?? []), process.execPath, mocha, ...MOCHA, ...more, ...files];
  const outcome = await run(command[0] ?? '', command.slice(1), options);
  const counts = readCounts(countsFile);
  rmSync(folder, { recursive: true });
  if (counts === undefined) return { ...outcome, ok: false };
  return { ok: outcome.ok, output: options.live === true ? '' : withoutTree(outcome.output), counts };
}

/** The summary and the failures; the tree of passed tests above them helps nobody. */
function withoutTree(output: string): string {
  const summary = /^ +\d+ passing /m.exec(output);
  return summary === null ? output : output.slice(summary.index);
}
