import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/** What exists now and must not outlive this process, with the way to remove it in no time. */
const guarded = new Map<string, () => void>();
let isArmed = false;

/** Removes it when this process ends before `release` was called, whatever the reason but SIGKILL. */
export function guard(name: string, remove: () => void): { release: () => void } {
  if (!isArmed) process.on('exit', removeAll);
  isArmed = true;
  guarded.set(name, remove);
  return { release: () => guarded.delete(name) };
}

export function guardNamespace(name: string): { release: () => void } {
  return guard(`netns ${name}`, () => spawnSync('ip', ['netns', 'del', name]));
}

export function guardFolder(path: string): { release: () => void } {
  return guard(`folder ${path}`, () => rmSync(path, { recursive: true, force: true }));
}

// The youngest first: a process before the namespace that it runs in.
function removeAll(): void {
  for (const remove of [...guarded.values()].reverse()) remove();
  guarded.clear();
}
