import type { QuiverObject } from '../api/generated/kinds.gen.ts';
import { describeRef, type ObjectRef } from '../api/resources.ts';
import { canonicalJson, digestOf, sortedBy } from '../ir/canonical.ts';
import { refOf } from '../translate/input.ts';
import type { Problem } from '../translate/problem.ts';
import type { FileObject, ParsedFile } from './resource-file.ts';

/** What one file contributes: its good objects, and the last good state of those that are broken now. */
export interface FileState {
  /** By `Kind namespace/name`, in the order of the file. */
  readonly objects: ReadonlyMap<string, FileObject>;
  /** Objects in the file without any good state. */
  readonly refused: readonly ObjectRef[];
  readonly problems: readonly Problem[];
}

/** All files together. */
export interface Collected {
  readonly objects: readonly FileObject[];
  readonly refused: readonly ObjectRef[];
  readonly problems: readonly Problem[];
}

/** How often an object changed, and what it was last. */
export interface Generation {
  readonly digest: string;
  readonly generation: number;
}

/** A file's state after it was read anew: a broken object, or a broken file, keeps what it had. */
export function nextFileState(before: FileState | undefined, parsed: ParsedFile): FileState {
  const old = before?.objects ?? new Map<string, FileObject>();
  const objects = new Map(parsed.isBroken ? old : []);
  const problems: Problem[] = [...parsed.problems];
  const seen = new Map<string, FileObject>();
  for (const one of parsed.objects) {
    const key = describeRef(refOf(one.object));
    const first = seen.get(key);
    if (first === undefined) objects.set(key, one);
    else problems.push(duplicateProblem(one, first));
    seen.set(key, first ?? one);
  }
  for (const ref of parsed.refused) keepOld(objects, old, describeRef(ref));
  const refused = parsed.refused.filter((ref) => !objects.has(describeRef(ref)));
  return { objects, refused, problems };
}

/** The objects of all files, each once: of two definitions the one in the file that comes first by name is used. */
export function collectFiles(files: ReadonlyMap<string, FileState>): Collected {
  const kept = new Map<string, FileObject>();
  const problems: Problem[] = [];
  const refused: ObjectRef[] = [];
  for (const [, state] of sortedBy(files, ([file]) => file)) {
    problems.push(...state.problems);
    refused.push(...state.refused);
    for (const [key, one] of state.objects) {
      const first = kept.get(key);
      if (first === undefined) kept.set(key, one);
      else problems.push(duplicateProblem(one, first));
    }
  }
  const objects = sortedBy(kept, ([key]) => key).map(([, one]) => one);
  return { objects, refused: refused.filter((ref) => !kept.has(describeRef(ref))), problems };
}

/** Counts the changes of each object from 1, as an API server does. */
export function nextGenerations(
  before: ReadonlyMap<string, Generation>,
  objects: readonly QuiverObject[],
): ReadonlyMap<string, Generation> {
  return new Map(
    objects.map((object) => {
      const key = describeRef(refOf(object));
      const digest = digestOf(canonicalJson(object.spec));
      const old = before.get(key);
      if (old?.digest === digest) return [key, old];
      return [key, { digest, generation: (old?.generation ?? 0) + 1 }];
    }),
  );
}

function keepOld(objects: Map<string, FileObject>, old: ReadonlyMap<string, FileObject>, key: string): void {
  const before = old.get(key);
  if (before !== undefined && !objects.has(key)) objects.set(key, before);
}

function duplicateProblem(one: FileObject, first: FileObject): Problem {
  const object = refOf(one.object);
  const place = `${first.file}:${first.lineOf('metadata.name')}`;
  const message = `${describeRef(object)} is also defined at ${place}, which is used; remove one of the two`;
  const location = { file: one.file, line: one.lineOf('metadata.name') };
  return { code: 'DuplicateObject', object, field: 'metadata.name', message, location };
}
