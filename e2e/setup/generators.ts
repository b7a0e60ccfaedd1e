import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { generateTypes } from '../../operator/src/schema/generate-types.ts';
import { crdTemplateFiles, dashboardFile, readmeFile } from '../charts/generators.ts';
import { METRICS_PAGE, metricsPage } from './metrics-page.ts';
import { ROOT, run, type StageOutcome } from './stage.ts';

/** Path from the root -> content. */
export type GeneratedFiles = Map<string, string>;

export interface Generator {
  /** A folder that holds generated files and nothing else, or one file. */
  readonly target: string;
  generate(): Promise<GeneratedFiles>;
}

const contract: Generator = {
  target: 'dataplane/api/src/gen',
  async generate() {
    const out = mkdtempSync(join(tmpdir(), 'quiver-gen-'));
    const outcome = await run('buf', ['generate', '-o', out], { cwd: join(ROOT, 'dataplane/api') });
    if (!outcome.ok) throw new Error(`buf generate failed:\n${outcome.output}`);
    const files: GeneratedFiles = new Map();
    for (const path of globSync('**/*.ts', { cwd: out }).toSorted()) {
      files.set(join('dataplane/api', path), readFileSync(join(out, path), 'utf8'));
    }
    rmSync(out, { recursive: true });
    return files;
  },
};

const apiTypes: Generator = {
  target: 'operator/src/api/generated',
  generate() {
    const files: GeneratedFiles = new Map();
    for (const [name, content] of generateTypes(join(ROOT, 'crds'))) {
      files.set(join('operator/src/api/generated', name), content);
    }
    return Promise.resolve(files);
  },
};

function chartGenerator(target: string, generate: () => GeneratedFiles): Generator {
  return { target, generate: () => Promise.resolve(generate()) };
}

const chart: readonly Generator[] = [
  ...['charts/quiver/templates/crds', 'charts/quiver-crds/templates'].map((folder) =>
    chartGenerator(folder, () => crdTemplateFiles(ROOT, folder)),
  ),
  chartGenerator('charts/quiver/README.md', () => readmeFile(ROOT, 'charts/quiver')),
  chartGenerator('charts/quiver/files/dashboard.json', () => dashboardFile('charts/quiver/files/dashboard.json')),
];

const metrics: Generator = { target: METRICS_PAGE, generate: metricsPage };

export const GENERATORS: readonly Generator[] = [contract, apiTypes, ...chart, metrics];

/** Compares what would be generated with what is committed. */
export async function checkGenerated(): Promise<StageOutcome> {
  const stale: string[] = [];
  for (const generator of GENERATORS) {
    const files = await generator.generate();
    const present = filesOf(generator.target);
    stale.push(...present.filter((path) => !files.has(path)));
    for (const [path, content] of files) {
      if (!present.includes(path) || readFileSync(join(ROOT, path), 'utf8') !== content) stale.push(path);
    }
  }
  const output = stale.length === 0 ? '' : `Not current, run "npm run gen": ${stale.join(', ')}`;
  return { ok: stale.length === 0, output };
}

function filesOf(target: string): string[] {
  const found = statSync(join(ROOT, target), { throwIfNoEntry: false });
  if (found?.isFile() === true) return [target];
  const inside = globSync('**/*', { cwd: join(ROOT, target), withFileTypes: true }).filter((entry) => entry.isFile());
  return inside.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
