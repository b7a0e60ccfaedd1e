// Line coverage of both languages, by folder. Reports; the aim is 90 % in the folders marked with *.
// `npm run coverage -- -p quiver-wire` measures some crates only.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { testFiles, UNIT_TESTS } from './mocha.ts';
import { ROOT, run } from './stage.ts';

interface Lines {
  readonly file: string;
  readonly total: number;
  readonly covered: number;
}

const AIMED_AT = /^(operator\/src\/(translate|project)|dataplane\/crates\/(wire|engine)\/src)$/;
const RUST = join(ROOT, 'dataplane');

function fail(text: string): never {
  console.error(text);
  process.exit(1);
}

async function typescriptLines(): Promise<Lines[]> {
  const out = mkdtempSync(join(tmpdir(), 'quiver-coverage-'));
  const include = ['operator/**/*.ts', 'dataplane/{agent,engine,api}/**/*.ts'].flatMap((glob) => ['--include', glob]);
  const exclude = ['**/*.test.ts', '**/*.gen.ts', '**/src/gen/**', '**/dist/**', '**/testing/**'].flatMap((glob) => [
    '--exclude',
    glob,
  ]);
  const args = [
    '--all',
    '--reporter',
    'json-summary',
    '--reports-dir',
    out,
    ...include,
    ...exclude,
    'mocha',
    ...testFiles(UNIT_TESTS),
  ];
  const outcome = await run('c8', args);
  const file = join(out, 'coverage-summary.json');
  if (!existsSync(file)) fail(outcome.output);
  if (!outcome.ok) console.log('Some TypeScript tests failed; what they reached counts all the same.');
  const summary = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    { lines: { total: number; covered: number } }
  >;
  rmSync(out, { recursive: true });
  const files = Object.entries(summary).filter(([name]) => name !== 'total');
  return files.map(([name, { lines }]) => ({ file: relative(ROOT, name), ...lines }));
}

/** LLVM's tools of the compiler's own version, which alone can read its profiles. */
async function llvmTools(): Promise<{ profdata: string; cov: string }> {
  const version = /LLVM version: (\d+)/.exec((await run('rustc', ['-vV'], { cwd: RUST })).output)?.[1] ?? '';
  const folder = `/usr/lib/llvm-${version}/bin`;
  if (!existsSync(folder) && process.getuid?.() === 0) {
    await run('apt-get', ['-q', 'update']);
    await run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', `llvm-${version}`]);
  }
  if (!existsSync(folder)) fail(`coverage of Rust needs the Debian package llvm-${version}: install it`);
  return { profdata: join(folder, 'llvm-profdata'), cov: join(folder, 'llvm-cov') };
}

interface Export {
  readonly data: readonly {
    readonly files: readonly { filename: string; summary: { lines: { count: number; covered: number } } }[];
  }[];
}

async function rustLines(): Promise<Lines[]> {
  const tools = await llvmTools();
  const out = mkdtempSync(join(tmpdir(), 'quiver-coverage-'));
  const env = {
    RUSTFLAGS: '-Cinstrument-coverage',
    LLVM_PROFILE_FILE: join(out, '%p-%m.profraw'),
    CARGO_TARGET_DIR: join(process.env['QUIVER_CACHE'] ?? '/tmp/quiver', 'target-coverage'),
  };
  const packages = process.argv.slice(2);
  const tests = ['test', ...(packages.length === 0 ? ['--workspace'] : packages), '--locked', '--tests'];
  const built = await run('cargo', [...tests, '--no-run', '--message-format', 'json-render-diagnostics'], {
    cwd: RUST,
    env,
  });
  if (!built.ok) fail(built.output.slice(-4000));
  const programs = [...built.output.matchAll(/"executable":"([^"]+)"/g)].map((match) => match[1] ?? '');
  const tested = await run('cargo', [...tests, '--no-fail-fast'], { cwd: RUST, env });
  if (!tested.ok) console.log('Some Rust tests failed; what they reached counts all the same.');
  const profile = join(out, 'all.profdata');
  const merged = await run('sh', ['-c', `${tools.profdata} merge -sparse -o ${profile} ${out}/*.profraw`]);
  if (!merged.ok) fail(merged.output);
  const objects = programs.flatMap((program) => ['-object', program]).slice(1);
  const ignore = '-ignore-filename-regex=(/\\.cargo/|/rustc/|/tests/|/benches/|/target)';
  const exported = await run(tools.cov, ['export', '-summary-only', `-instr-profile=${profile}`, ignore, ...objects]);
  rmSync(out, { recursive: true });
  if (!exported.ok) fail(exported.output.slice(-4000));
  const { data } = JSON.parse(exported.output.slice(exported.output.indexOf('{'))) as Export;
  const files = data.flatMap((one) => one.files);
  return files.map(({ filename, summary: { lines } }) => ({
    file: relative(ROOT, filename),
    total: lines.count,
    covered: lines.covered,
  }));
}

/** `dataplane/crates/x/src`, or two levels below a package. */
function folderOf(file: string): string {
  const parts = file.split('/');
  return parts.slice(0, Math.min(parts[1] === 'crates' ? 4 : 3, parts.length - 1)).join('/');
}

function print(lines: readonly Lines[]): void {
  const folders = Map.groupBy(lines, ({ file }) => folderOf(file));
  for (const [folder, files] of [...folders].toSorted(([a], [b]) => a.localeCompare(b))) {
    const total = files.reduce((sum, one) => sum + one.total, 0);
    const covered = files.reduce((sum, one) => sum + one.covered, 0);
    const percent = total === 0 ? 100 : (100 * covered) / total;
    console.log(
      `${percent.toFixed(1).padStart(6)} %  ${folder}${AIMED_AT.test(folder) ? ' *' : ''}  (${covered}/${total})`,
    );
  }
}

print(await typescriptLines());
print(await rustLines());
