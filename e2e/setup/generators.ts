import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateTypes } from '../../operator/src/schema/generate-types.ts';
import { ROOT, run, type StageOutcome } from './stage.ts';

/** Path from the root -> content. */
export type GeneratedFiles = Map<string, string>;

export interface Generator {
  /** Holds generated files and nothing else. */
  readonly folder: string;
  generate(): Promise<GeneratedFiles>;
}

const contract: Generator = {
  folder: 'dataplane/api/src/gen',
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
  folder: 'operator/src/api/generated',
  generate() {
    const files: GeneratedFiles = new Map();
    for (const [name, content] of generateTypes(join(ROOT, 'crds'))) {
      files.set(join('operator/src/api/generated', name), content);
    }
    return Promise.resolve(files);
  },
};

export const GENERATORS: readonly Generator[] = [contract, apiTypes];

/** Compares what would be generated with what is committed. */
export async function checkGenerated(): Promise<StageOutcome> {
  const stale: string[] = [];
  for (const generator of GENERATORS) {
    const { folder } = generator;
    const files = await generator.generate();
    const present = globSync('**/*.ts', { cwd: join(ROOT, folder) }).map((path) => join(folder, path));
    stale.push(...present.filter((path) => !files.has(path)));
    for (const [path, content] of files) {
      if (!present.includes(path) || readFileSync(join(ROOT, path), 'utf8') !== content) stale.push(path);
    }
  }
  const output = stale.length === 0 ? '' : `Not current, run "npm run gen": ${stale.join(', ')}`;
  return { ok: stale.length === 0, output };
}
