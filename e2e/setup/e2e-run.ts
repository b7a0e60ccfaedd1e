// What `npm run e2e` does: clusters, images, the chart, the scenarios, a table, and nothing left behind.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildProjectImages, type ProjectImage } from '../cluster/images/project.ts';
import type { Lab } from '../cluster/lab.ts';
import { differences, kernelState } from '../harness/kernel-state.ts';
import { guard } from '../harness/leftover-guard.ts';
import { clusterCache, installEverywhere, LAB_VARIABLE, rememberImages, say } from './e2e-lab.ts';
import { testFiles } from './mocha.ts';
import { ROOT, run } from './stage.ts';

const REPORT = join(ROOT, 'e2e/report');
const SCENARIOS = ['e2e/apiserver/**/*.test.ts', 'e2e/cni/**/*.test.ts', 'e2e/scenarios/**/*.test.ts'];
/** What a scenario may take; it is a limit against hanging. */
const TIMEOUT = '300000';

interface Row {
  readonly suite: string;
  readonly title: string;
  readonly result: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  readonly error?: string;
}

export interface RunRequest {
  readonly lab: Lab;
  readonly labName: string;
  /** Text in the file's name or the title; all scenarios when empty. */
  readonly filter: string;
  readonly isKept: boolean;
}

/** Builds the images from this checkout and makes them known to every node. */
export async function loadImages(lab: Lab): Promise<ProjectImage[]> {
  const tag = `dev-${Date.now().toString(36)}`;
  const build = { source: ROOT, cache: clusterCache, home: homedir(), base: lab.images, tag, say };
  const images = await buildProjectImages(build);
  for (const { target, bytes } of images) say(`image ${target}: ${(bytes / 1e6).toFixed(0)} MB compressed`);
  say('loading the images into the nodes');
  const needed = images.filter(({ target }) => target !== 'cli');
  for (const { archive } of needed) await Promise.all(lab.clusters.map((cluster) => cluster.importImage(archive)));
  rememberImages(lab, images);
  return images;
}

/** Runs the scenarios on clusters of this run; the exit code. */
export async function runScenarios({ lab, labName, filter, isKept }: RunRequest): Promise<number> {
  const before = await kernelState();
  const end = (): Promise<void> => (isKept ? Promise.resolve() : lab.down());
  const guarded = guard('the clusters', () => say('interrupted: take the clusters down with "npm run e2e -- down"'));
  let rows: readonly Row[] = [];
  try {
    await lab.down();
    await lab.up();
    await installEverywhere(lab, await loadImages(lab));
    rows = await runMocha(filter, labName);
  } finally {
    await end();
    guarded.release();
  }
  const left = isKept ? [] : differences(before, await kernelState());
  for (const line of left) say(`left behind on this machine: ${line}`);
  return report(rows, left.length === 0);
}

async function runMocha(filter: string, labName: string): Promise<readonly Row[]> {
  rmSync(REPORT, { recursive: true, force: true });
  mkdirSync(REPORT, { recursive: true });
  const rows = join(REPORT, 'rows.json');
  const options = [`rows=${rows}`, `junit=${join(REPORT, 'junit.xml')}`].flatMap((one) => ['--reporter-option', one]);
  const all = testFiles(SCENARIOS);
  const named = all.filter((file) => file.includes(filter));
  const chosen = named.length > 0 ? named : [...all, '--grep', filter];
  const mocha = [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--forbid-only', '--timeout', TIMEOUT, '--exit'];
  const reporter = ['--reporter', 'e2e/setup/scenario-reporter.mjs', ...options];
  await run(process.execPath, ['--disable-warning=ExperimentalWarning', ...mocha, ...reporter, ...chosen], {
    env: { [LAB_VARIABLE]: labName },
    live: true,
  });
  return existsSync(rows) ? (JSON.parse(readFileSync(rows, 'utf8')) as Row[]) : [];
}

function report(rows: readonly Row[], isClean: boolean): number {
  const width = Math.max(10, ...rows.map(({ suite, title }) => suite.length + title.length + 1));
  const lines = rows.map(
    ({ suite, title, result, seconds }) =>
      `${`${suite} ${title}`.padEnd(width)}  ${result.padEnd(7)} ${seconds.toFixed(1).padStart(7)} s`,
  );
  writeFileSync(join(REPORT, 'table.txt'), `${lines.join('\n')}\n`);
  console.log(`\n${lines.join('\n')}`);
  const passed = rows.filter(({ result }) => result === 'passed').length;
  // No scenario may be left out, and nothing may be left behind.
  const failed = rows.length - passed + (isClean ? 0 : 1) + (rows.length === 0 ? 1 : 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
