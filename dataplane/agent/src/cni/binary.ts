import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, messageOf } from '../errors.ts';
import { writeWhole } from '../files/whole-file.ts';
import { pluginType } from './conflist.ts';

/** File name of the plugin in the runtime's folder. */
export const binaryName = pluginType;

/** Puts the plugin into the runtime's folder; a plugin that runs at this moment is not disturbed. Rejects with an `AgentError`. */
export async function installBinary(source: string, binDir: string): Promise<string> {
  const target = join(binDir, binaryName);
  try {
    await writeWhole(target, await readFile(source), 0o755);
  } catch (caught) {
    await rm(`${target}.new`, { force: true }).catch(() => undefined);
    throw new AgentError('CniUnusable', `${source} cannot be copied to ${target}: ${messageOf(caught)}`, {
      cause: caught,
    });
  }
  return target;
}

/** Removes the plugin; one that is not there is no error. */
export async function removeBinary(binDir: string): Promise<void> {
  await rm(join(binDir, binaryName), { force: true });
}
