import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a file so that it is whole at every moment, also when the machine fails; only its owner can read it. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const draft = draftOf(path);
  try {
    await writeDraft(draft, content, mode);
    await rename(draft, path);
  } catch (caught) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw caught;
  }
  await syncFolder(dirname(path));
}

/** Where a file is while it is written; a crash may leave it. */
export function draftOf(path: string): string {
  return `${path}.new`;
}

/** The text of a file; undefined when it is not there or cannot be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function writeDraft(draft: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(draft, 'w', mode);
  try {
    // A draft that a crash left may have other permissions.
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

// The name is on the disk as well only when its folder is.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
