// Coverage-guided fuzzing of every target: `npm run fuzz -- [SECONDS] [TARGET...]`. Needs no nightly compiler.
import { globSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ROOT, run } from './stage.ts';

const TRIPLE = process.arch === 'arm64' ? 'aarch64-unknown-linux-gnu' : 'x86_64-unknown-linux-gnu';
const TARGET_DIR = join(process.env['QUIVER_CACHE'] ?? '/tmp/quiver', 'target-fuzz');
/** What cargo-fuzz passes, too: counters and compared values for libFuzzer, and arithmetic that panics on overflow. */
const FLAGS = [
  '--cfg fuzzing',
  '-Cdebug-assertions',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
].join(' ');

interface Target {
  readonly name: string;
  /** The fuzz folder of its crate. */
  readonly folder: string;
}

function findTargets(): Target[] {
  const sources = globSync('dataplane/crates/*/fuzz/fuzz_targets/*.rs', { cwd: ROOT }).toSorted();
  return sources.map((source) => ({ name: basename(source, '.rs'), folder: dirname(dirname(join(ROOT, source))) }));
}

async function build(folder: string): Promise<boolean> {
  const args = ['build', '--release', '--bins', '--target', TRIPLE];
  const env = { RUSTFLAGS: FLAGS, CARGO_TARGET_DIR: TARGET_DIR };
  return (await run('cargo', args, { cwd: folder, env, live: true })).ok;
}

/** Runs one target; what it finds on the way stays outside of the committed corpus. */
async function fuzz({ name, folder }: Target, seconds: number): Promise<boolean> {
  const found = mkdtempSync(join(tmpdir(), `quiver-fuzz-${name}-`));
  const corpus = join(folder, 'corpus', name);
  mkdirSync(corpus, { recursive: true });
  const options = [
    `-max_total_time=${seconds}`,
    `-artifact_prefix=${found}/crash-`,
    '-print_final_stats=1',
    '-rss_limit_mb=2048',
  ];
  const { ok, output } = await run(join(TARGET_DIR, TRIPLE, 'release', name), [found, corpus, ...options]);
  const runs = /number_of_executed_units:\s*(\d+)/.exec(output)?.[1] ?? '?';
  const grown = readdirSync(found).filter((file) => !file.startsWith('crash-')).length;
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(24)} ${runs} runs in ${seconds} s, ${grown} new inputs in ${found}`,
  );
  if (!ok) console.log(output.slice(-4000));
  return ok;
}

const [first = '60', ...rest] = process.argv.slice(2);
const seconds = /^\d+$/.test(first) ? Number(first) : 60;
const wanted = /^\d+$/.test(first) ? rest : [first, ...rest];
const targets = findTargets().filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const results: boolean[] = [];
for (const folder of new Set(targets.map((target) => target.folder))) {
  if (!(await build(folder))) results.push(false);
}
if (results.length === 0) for (const target of targets) results.push(await fuzz(target, seconds));
const failed = results.filter((ok) => !ok).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && results.length > 0 ? 0 : 1;
