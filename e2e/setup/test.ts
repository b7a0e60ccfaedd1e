// The whole suite: check, simulation, corpus replay, namespaces. Ends with the sum over all test runners.
import { rustStages, typescriptStages } from './checks.ts';
import { addCounts, type Counts, type RustProgram } from './counts.ts';
import { NAMESPACE_TESTS, runMocha, testFiles } from './mocha.ts';
import { run, runLanes, runStage, type Stage, type StageOutcome } from './stage.ts';

/** Parts of the Rust tests without which the suite is not complete. */
const RUST_TIERS: readonly { readonly name: string; readonly program: RegExp }[] = [
  { name: 'simulation', program: /^quiver_sim |tests\/(scenario|random|reference)/ },
  { name: 'corpus replay', program: /tests\/\S*corpus/ },
];

function tierStage(name: string, counts: Counts): Stage {
  const tests = counts.passed + counts.failed + counts.skipped;
  // Their tests are already counted with the Rust tests; only their absence is news.
  const outcome: StageOutcome = { ok: tests > 0, output: `No test of the tier "${name}" has run.` };
  return { name: `${name} (${tests} tests)`, run: () => Promise.resolve(outcome) };
}

async function rootPrefix(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const path = `PATH=${process.env['PATH'] ?? ''}`;
  const allowed = await run('sudo', ['-n', 'true']);
  return allowed.ok ? ['sudo', '-n', '-E', 'env', path] : undefined;
}

const namespaces: Stage = {
  name: 'namespaces',
  async run() {
    const prefix = await rootPrefix();
    if (prefix === undefined) {
      return {
        ok: false,
        output: 'The namespaces tier needs root: run "sudo npm test", or allow sudo without a password.',
      };
    }
    return runMocha(testFiles(NAMESPACE_TESTS), { prefix, live: true });
  },
};

let programs: RustProgram[] = [];
const reports = await runLanes([
  typescriptStages(),
  rustStages((all) => {
    programs = all;
  }),
]);
for (const { name, program } of RUST_TIERS) {
  const counts = addCounts(programs.filter((one) => program.test(one.name)).map((one) => one.counts));
  reports.push(await runStage(tierStage(name, counts)));
}
reports.push(await runStage(namespaces));

const { passed, failed, skipped } = addCounts(reports.map((report) => report.counts));
for (const report of reports.filter((one) => !one.ok)) console.log(`failed: ${report.name}`);
if (skipped > 0) console.log(`${skipped} tests were skipped; the suite allows none, so they count as failed.`);
console.log(`${passed} passed, ${failed + skipped} failed`);
process.exitCode = failed + skipped === 0 ? 0 : 1;
