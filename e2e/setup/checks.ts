import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addCounts, parseCargoTest, type RustProgram } from './counts.ts';
import { checkGenerated } from './generators.ts';
import { runMocha, testFiles, UNIT_TESTS } from './mocha.ts';
import { ROOT, run, type Stage } from './stage.ts';

const RUST = join(ROOT, 'dataplane');
const PROJECTS = ['dataplane/api', 'dataplane/engine', 'dataplane/agent', 'operator', 'operator/cli', 'crds', 'e2e'];

function command(name: string, program: string, args: readonly string[], cwd = ROOT): Stage {
  return { name, run: () => run(program, args, { cwd }) };
}

function hasSource(project: string): boolean {
  return ['e2e', 'crds'].includes(project) || existsSync(join(ROOT, project, 'src'));
}

/** The checks of everything written in TypeScript, YAML and protobuf. */
export function typescriptStages(): Stage[] {
  return [
    command('format', 'biome', ['check', '--error-on-warnings', '.']),
    command('protobuf lint', 'buf', ['lint'], join(ROOT, 'dataplane/api')),
    { name: 'generated files', run: checkGenerated },
    command('types', 'tsc', ['-b', ...PROJECTS.filter(hasSource)]),
    command('lint', 'oxlint', ['--type-aware', '--deny-warnings', '.']),
    { name: 'unit and golden tests', run: () => runMocha(testFiles(UNIT_TESTS)) },
  ];
}

/** The checks of everything written in Rust; `onTests` is told what each test program reported. */
export function rustStages(onTests: (programs: RustProgram[]) => void = () => undefined): Stage[] {
  return [
    command('rust format', 'cargo', ['fmt', '--all', '--check'], RUST),
    command('clippy', 'cargo', ['clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'], RUST),
    {
      name: 'rust tests',
      async run() {
        const outcome = await run('cargo', ['test', '--workspace', '--locked', '--no-fail-fast'], { cwd: RUST });
        const programs = parseCargoTest(outcome.output);
        onTests(programs);
        return { ...outcome, counts: addCounts(programs.map((program) => program.counts)) };
      },
    },
  ];
}
