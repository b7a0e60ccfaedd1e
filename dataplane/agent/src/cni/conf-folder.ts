import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.ts';
import { draftOf, readIfThere } from '../files/whole-file.ts';
import { removeBinary } from './binary.ts';
import { type ConfFile, isConfiguration, isOwn, ownNames } from './conflist.ts';

/** The network configurations of a container runtime; none when there is no such folder. */
export async function readConfigurations(folder: string): Promise<readonly ConfFile[]> {
  const names = await readdir(folder).catch((caught: NodeJS.ErrnoException) => {
    if (caught.code === 'ENOENT') return [];
    throw new AgentError('CniUnusable', `${folder} cannot be read: ${caught.message}`, { cause: caught });
  });
  const files = names
    .filter(isConfiguration)
    .map(async (name) => ({ name, text: await readIfThere(join(folder, name)) }));
  return (await Promise.all(files)).filter((file): file is ConfFile => file.text !== undefined);
}

/** Removes these files; gives their paths. */
export async function removeConfigurations(folder: string, files: readonly ConfFile[]): Promise<readonly string[]> {
  const paths = files.map(({ name }) => join(folder, name));
  for (const path of paths) await rm(path, { force: true });
  return paths;
}

/** Takes the plugin out of the runtime's configuration, and only then its binary away; gives the paths that were removed. */
export async function uninstallPlugin(confDir: string, binDir: string | undefined): Promise<readonly string[]> {
  const configurations = await removeConfigurations(confDir, (await readConfigurations(confDir)).filter(isOwn));
  for (const name of ownNames) await rm(draftOf(join(confDir, name)), { force: true });
  const binary = binDir === undefined ? undefined : await removeBinary(binDir);
  return binary === undefined ? configurations : [...configurations, binary];
}
