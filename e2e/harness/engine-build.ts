import { join } from 'node:path';
import { must } from './command.ts';
import { repository } from './router.ts';

/** Milliseconds that the first use may take, on a fresh clone on a slow machine. Every other wait has its own deadline. */
export const engineBuildTime = 900_000;

let built: Promise<string> | undefined;

/** Builds the engine when something of it has changed; once per process. */
export async function buildEngine(): Promise<void> {
  built ??= must([process.execPath, join(repository, 'dataplane/engine/src/build.ts')]);
  await built;
}
