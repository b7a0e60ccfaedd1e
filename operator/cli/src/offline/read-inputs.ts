import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliContext } from '../context.ts';
import { Failure } from '../failure.ts';

/** One file, as it was given. */
export interface InputFile {
  /** Name in messages; `-` for standard input. */
  readonly name: string;
  readonly text: string;
}

/** Reads files, directories with everything below them, and `-`. */
export async function readInputs(places: readonly string[], context: CliContext): Promise<readonly InputFile[]> {
  const files: InputFile[] = [];
  for (const place of places) {
    if (place === '-') files.push({ name: '-', text: await context.readStdin() });
    else for (const name of await listYaml(place)) files.push({ name, text: await readFile(name, 'utf8') });
  }
  if (files.length === 0) throw new Failure(`no .yaml file in ${places.join(', ')}`);
  return files;
}

async function listYaml(place: string): Promise<readonly string[]> {
  try {
    if ((await stat(place)).isFile()) return [place];
    const entries = await readdir(place, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && /^[^.].*\.ya?ml$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
  } catch (caught) {
    throw new Failure(caught instanceof Error ? caught.message : String(caught));
  }
}
