import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for each test of the suite it is called in; all are removed behind the last one. */
export function scratchFolder(): () => string {
  const folders: string[] = [];
  beforeEach(async () => {
    folders.push(await mkdtemp(join(tmpdir(), 'quiver-cli-')));
  });
  after(async () => {
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, maxRetries: 3 })));
  });
  return () => folders.at(-1) ?? '';
}
