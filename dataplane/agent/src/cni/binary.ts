import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, messageOf } from '../errors.ts';
import { draftOf, writeWhole } from '../files/whole-file.ts';
import { pluginType } from './conflist.ts';

/** File name of the plugin in the runtime's folder. */
export const binaryName = pluginType;

/** Puts the plugin into the runtime's folder; a plugin that runs at this moment is not disturbed. Rejects with an `AgentError`. */
export async function installBinary(source: string, binDir: string): Promise<string> {
  const target = join(binDir, binaryName);
  try {
    await writeWhole(target, await readFile(source), 0o755);
  } catch (caught) {
    throw new AgentError('CniUnusable', `${source} cannot be copied to ${target}: ${messageOf(caught)}`, {
      cause: caught,
    });
  }
  return target;
}

/** Removes the plugin; gives its path, or undefined when it was not there. */
export async function removeBinary(binDir: string): Promise<string | undefined> {
  const path = join(binDir, binaryName);
  try {
    await rm(draftOf(path), { force: true });
    await rm(path);
    return path;
  } catch (caught) {
    if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AgentError('CniUnusable', `${path} cannot be removed: ${messageOf(caught)}`, { cause: caught });
  }
}
