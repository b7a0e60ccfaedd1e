import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** One import in one file. */
export interface Import {
  /** Path from the root. */
  readonly file: string;
  /** A path from the root for our own files, else `node:x` or the package's name. */
  readonly target: string;
}

const STATEMENT = /(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"]+)\1/gm;

/** What a file of the given path and text imports, type imports included. */
export function importsOf(file: string, text: string): Import[] {
  const specifiers = [...text.matchAll(STATEMENT)].map((match) => match[2] ?? '');
  return specifiers
    .filter((specifier) => !specifier.includes('${'))
    .map((specifier) => ({ file, target: resolveTarget(file, specifier) }));
}

function resolveTarget(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier));
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

/** The imports of all files of a folder but its tests. */
export function importsUnder(folder: string): Import[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: ROOT, exclude: ['**/node_modules/**', '**/dist/**'] });
  const product = files.filter((file) => !file.endsWith('.test.ts') && !file.includes('/testing/'));
  return product.toSorted().flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), 'utf8')));
}
