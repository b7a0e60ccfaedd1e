// Makes the programs that people and images get: `node e2e/setup/bundle.ts --out DIR [--addon FILE]`.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { chmod, cp, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { ROOT } from './stage.ts';

export interface BundleSettings {
  /** Folder for the programs; made when it is missing. */
  readonly out: string;
  /** The engine's addon, laid beside the programs. Without one only commands that need no engine work. */
  readonly addon?: string | undefined;
}

/** Name of a program -> its source. */
const PROGRAMS = { quiver: 'operator/cli/src/main.ts', operator: 'operator/src/main.ts' };

/** The program under the name by which kubectl finds it: `kubectl quiver`. */
const PLUGIN = 'kubectl-quiver';

// Dependencies in CommonJS ask for built-in modules by `require`.
const BANNER = [
  "import { createRequire as quiverCreateRequire } from 'node:module';",
  'const require = quiverCreateRequire(import.meta.url);',
].join('\n');

const FOR_THE_SHELL = '#!/usr/bin/env node\n';

/** Writes `quiver.mjs` (command line and agent), `operator.mjs`, `kubectl-quiver` and the addon; gives their names. */
export async function bundle({ out, addon }: BundleSettings): Promise<readonly string[]> {
  mkdirSync(out, { recursive: true });
  const names: string[] = [];
  for (const [name, source] of Object.entries(PROGRAMS)) {
    if (!existsSync(join(ROOT, source))) continue;
    await bundleProgram(join(ROOT, source), join(out, `${name}.mjs`));
    names.push(`${name}.mjs`);
  }
  await cp(join(out, 'quiver.mjs'), join(out, PLUGIN));
  names.push(PLUGIN);
  if (addon !== undefined) {
    copyFileSync(addon, join(out, 'quiver.node'));
    names.push('quiver.node');
  }
  return names;
}

async function bundleProgram(entry: string, outfile: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node22.19',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: BANNER },
    plugins: [ownFiles],
    logLevel: 'error',
  });
  const text = outputFiles[0]?.text ?? '';
  await writeFile(outfile, text.startsWith('#!') ? text : FOR_THE_SHELL + text);
  await chmod(outfile, 0o755);
}

const TEXT_READ = /readFileSync\(\s*new URL\('([^']+)', import\.meta\.url\),\s*'utf8',?\s*\)/g;
const FILE_ABOVE = /new URL\('(?:\.\.\/)+(?:[^'/]+\/)*([^'/]+\/?)', import\.meta\.url\)/g;

/** Texts read from the repository become part of the program; other files of it are looked for beside the program. */
const ownFiles: Plugin = {
  name: 'own-files',
  setup(builder) {
    builder.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (path.includes('/node_modules/') || !source.includes('import.meta.url')) return undefined;
      const contents = source
        .replaceAll(TEXT_READ, (_, file: string) => JSON.stringify(readFileSync(join(dirname(path), file), 'utf8')))
        .replaceAll(FILE_ABOVE, "new URL('./$1', import.meta.url)");
      return { contents, loader: 'ts', resolveDir: dirname(path) };
    });
  },
};

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string' }, addon: { type: 'string' } } });
  if (values.out === undefined) throw new Error('say where the programs go: --out DIR');
  const built = join(ROOT, 'dataplane/engine/quiver.node');
  const addon = values.addon ?? (existsSync(built) ? built : undefined);
  const out = resolve(values.out);
  for (const name of await bundle({ out, addon })) console.log(join(out, name));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
