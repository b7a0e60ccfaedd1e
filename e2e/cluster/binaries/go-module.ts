import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../harness/command.ts';
import type { Recipe } from './recipes.ts';

const GO_VERSION = '1.26.0';

/** The Go command in a folder: statically linked programs, without paths of this machine, and giving way to others. */
function go(folder: string, ...args: readonly string[]): string[] {
  return ['nice', '-n', '10', 'env', '-C', folder, 'CGO_ENABLED=0', 'GOFLAGS=-trimpath -mod=mod', 'go', ...args];
}

/** Builds the programs of a recipe into `into`, by way of a module of our own in `folder`. */
export async function buildPrograms(recipe: Recipe, folder: string, into: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mkdir(into, { recursive: true });
  await writeFile(join(folder, 'go.mod'), await goMod(recipe, folder));
  for (const { name, path, ldflags = '' } of recipe.programs) {
    await must(go(folder, 'build', '-ldflags', `-s -w ${ldflags}`, '-o', join(into, name), path));
  }
}

async function goMod(recipe: Recipe, folder: string): Promise<string> {
  const head = `module quiver.local/${recipe.name}\n\ngo ${GO_VERSION}\n\nrequire ${recipe.module} ${recipe.version}\n`;
  if (recipe.staging === undefined) return head;
  // Without a module of its own Go refuses to download one.
  await writeFile(join(folder, 'go.mod'), `module quiver.local/${recipe.name}\n\ngo ${GO_VERSION}\n`);
  const staged = await stagingModules(recipe, folder);
  const replaced = staged.map((module) => `\t${module} => ${module} ${recipe.staging}\n`);
  return `${head}\nreplace (\n${replaced.join('')})\n`;
}

/** The modules that the recipe's own go.mod replaces by folders of its repository, which a user of the module has not. */
async function stagingModules(recipe: Recipe, folder: string): Promise<string[]> {
  const told = await must(go(folder, 'mod', 'download', '-json', `${recipe.module}@${recipe.version}`));
  const { GoMod } = JSON.parse(told) as { readonly GoMod: string };
  const text = await readFile(GoMod, 'utf8');
  return [...text.matchAll(/^\t(\S+) => \.\/staging\//gm)].flatMap(([, module]) => module ?? []);
}
