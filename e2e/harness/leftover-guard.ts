import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/** What exists now and must not outlive this process, with the way to remove it in no time. */
const guarded = new Map<string, () => void>();
let isArmed = false;

/** Removes it when this process ends before `release` was called, whatever the reason but SIGKILL. */
export function guard(name: string, remove: () => void): { release: () => void } {
  arm();
  guarded.set(name, remove);
  return { release: () => guarded.delete(name) };
}

function arm(): void {
  if (isArmed) return;
  isArmed = true;
  process.on('exit', removeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const end = (): void => {
      // Whoever else listens ends the process in its own way.
      if (process.listenerCount(signal) > 1) return;
      removeAll();
      process.off(signal, end);
      process.kill(process.pid, signal);
    };
    process.on(signal, end);
  }
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
