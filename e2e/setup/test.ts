// The whole suite: check, simulation, corpus replay, namespaces. Ends with the sum over all test runners.
import { join } from 'node:path';
import { rustStages, typescriptStages } from './checks.ts';
import { addCounts, parseCargoTest, type RustProgram } from './counts.ts';
import { NAMESPACE_TESTS, runMocha, testFiles } from './mocha.ts';
import { ROOT, run, runLanes, runStage, type Stage, type StageOutcome } from './stage.ts';

/** Parts of the Rust tests without which the suite is not complete: which tests belong to them. */
const RUST_TIERS: readonly { readonly name: string; readonly belongs: (program: string, test: string) => boolean }[] = [
  {
    name: 'simulation',
    belongs: (program) => program.startsWith('quiver_sim ') || /tests\/(scenario|random)/.test(program),
  },
  { name: 'corpus replay', belongs: (program, test) => /corpus|corpora|robustness/.test(`${program} ${test}`) },
];

const NOT_ROOT = 'The namespaces tier needs root: run "sudo npm test", or allow sudo without a password.';

/** Their tests are already counted with the Rust tests; only their absence is news. */
function tierStage({ name, belongs }: (typeof RUST_TIERS)[number], programs: readonly RustProgram[]): Stage {
  const tests = programs.flatMap((program) => program.tests.filter((test) => belongs(program.name, test)));
  const outcome: StageOutcome = { ok: tests.length > 0, output: `No test of the tier "${name}" has run.` };
  return { name: `${name} (${tests.length} tests)`, run: () => Promise.resolve(outcome) };
}

/** What to put in front of a command so that root runs it; nothing when it cannot be done. */
async function rootPrefix(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const allowed = await run('sudo', ['-n', 'true']);
  return allowed.ok ? ['sudo', '-n', '-E', 'env', `PATH=${process.env['PATH'] ?? ''}`] : undefined;
}

/** Built by whoever we are, run by root. */
async function runRustNamespaces(prefix: readonly string[]): Promise<StageOutcome> {
  const cwd = join(ROOT, 'dataplane');
  const args = [
    'test',
    '-p',
    'quiver-io',
    '--test',
    'netns',
    '--locked',
    '--no-run',
    '--message-format',
    'json-render-diagnostics',
  ];
  const built = await run('cargo', args, { cwd });
  const program = [...built.output.matchAll(/"executable":"([^"]*\/netns-[^"]*)"/g)].at(-1)?.[1];
  if (!built.ok || program === undefined) return { ok: false, output: built.output.slice(-8000) };
  const command = [...prefix, program];
  const outcome = await run(command[0] ?? '', command.slice(1), { cwd, live: true });
  return { ...outcome, output: '', counts: addCounts(parseCargoTest(outcome.output).map((one) => one.counts)) };
}

function namespaceStages(): Stage[] {
  const asRoot = (name: string, what: (prefix: readonly string[]) => Promise<StageOutcome>): Stage => ({
    name,
    async run() {
      const prefix = await rootPrefix();
      return prefix === undefined ? { ok: false, output: NOT_ROOT } : what(prefix);
    },
  });
  return [
    asRoot('namespaces, packet io', runRustNamespaces),
    asRoot('namespaces, whole fabric', (prefix) =>
      runMocha(testFiles(NAMESPACE_TESTS), { prefix, live: true, args: ['--exit'] }),
    ),
  ];
}

let programs: RustProgram[] = [];
const reports = await runLanes([
  typescriptStages(),
  rustStages((all) => {
    programs = all;
  }),
]);
for (const tier of RUST_TIERS) reports.push(await runStage(tierStage(tier, programs)));
for (const stage of namespaceStages()) reports.push(await runStage(stage));

const { passed, failed, skipped } = addCounts(reports.map((report) => report.counts));
for (const report of reports.filter((one) => !one.ok)) console.log(`failed: ${report.name}`);
if (skipped > 0) console.log(`${skipped} tests were skipped; the suite allows none, so they count as failed.`);
console.log(`${passed} passed, ${failed + skipped} failed`);
process.exitCode = failed + skipped === 0 ? 0 : 1;
