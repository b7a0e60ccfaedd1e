// Makes the programs that people and images get: `node e2e/setup/bundle.ts --out DIR [--addon FILE]`.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { ROOT } from './stage.ts';

export interface BundleSettings {
  /** Folder for the programs; made when it is missing. */
  readonly out: string;
  /** The engine's addon, laid beside the programs. Without one only commands that need no engine work. */
  readonly addon?: string | undefined;
}

/** The program under the name by which kubectl finds it: `kubectl quiver`. */
const PLUGIN = 'kubectl-quiver';

const COMMAND_LINE = 'operator/cli/src/main.ts';
const OPERATOR = 'operator/src/main.ts';

// Dependencies in CommonJS ask for built-in modules by `require`.
const BANNER = [
  "import { createRequire as quiverCreateRequire } from 'node:module';",
  'const require = quiverCreateRequire(import.meta.url);',
].join('\n');

/**
 * Writes the programs and gives their names:
 * `quiver.mjs` for images, in parts (`quiver-*.mjs`, beside it) so that an agent loads and keeps only what it uses;
 * `kubectl-quiver`, the same in one file, for people to copy into their PATH; `operator.mjs`; and the addon.
 */
export async function bundle({ out, addon }: BundleSettings): Promise<readonly string[]> {
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) if (/^quiver-\w+\.mjs$/.test(name)) rmSync(join(out, name));
  const names = [
    ...(await write(out, { ...SETTINGS, entryPoints: { quiver: COMMAND_LINE }, ...IN_PARTS })),
    ...(await write(out, { ...SETTINGS, entryPoints: { [PLUGIN]: COMMAND_LINE } })),
    ...(existsSync(join(ROOT, OPERATOR)) ? await write(out, { ...SETTINGS, entryPoints: { operator: OPERATOR } }) : []),
  ];
  if (addon === undefined) return names;
  copyFileSync(addon, join(out, 'quiver.node'));
  return [...names, 'quiver.node'];
}

const IN_PARTS: BuildOptions = { splitting: true, chunkNames: 'quiver-[hash]' };

async function write(out: string, settings: BuildOptions): Promise<readonly string[]> {
  const { outputFiles } = await build({ ...settings, outdir: out, write: false });
  return Promise.all(
    outputFiles.map(async ({ path, contents }) => {
      const name = basename(path) === `${PLUGIN}.mjs` ? PLUGIN : basename(path);
      await writeFile(join(out, name), contents, { mode: 0o755 });
      await chmod(join(out, name), 0o755);
      return name;
    }),
  );
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

const SETTINGS: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22.19',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  banner: { js: BANNER },
  plugins: [ownFiles],
  logLevel: 'error',
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
