import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../harness/eventually.ts';

const ROOT = '/sys/fs/cgroup';

/** Whether there is one hierarchy for all resources. */
function isUnified(): boolean {
  return existsSync(join(ROOT, 'cgroup.controllers'));
}

async function hierarchies(): Promise<string[]> {
  if (isUnified()) return [ROOT];
  const entries = await readdir(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

/** Makes the group `name`, below which kubelet makes those of its pods, in every hierarchy. */
export async function makeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, name), { recursive: true });
  if (isUnified()) await delegate(join(ROOT, name));
  else await fillCpuset(name);
}

/** A fresh group of the old cpuset hierarchy takes no process before it has processors and memory. */
async function fillCpuset(name: string): Promise<void> {
  const cpuset = join(ROOT, 'cpuset');
  if (!existsSync(cpuset)) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(cpuset, name, file), await readFile(join(cpuset, file)));
  }
}

async function delegate(folder: string): Promise<void> {
  const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(' ');
  const wanted = available.filter((controller) => ['cpu', 'cpuset', 'io', 'memory', 'pids'].includes(controller));
  await writeFile(join(folder, 'cgroup.subtree_control'), wanted.map((controller) => `+${controller}`).join(' '));
}

/** Takes the group away with all below it; its processes have to be gone or going. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, name);
    const gone = async (): Promise<true | undefined> => {
      await removeTree(folder);
      return existsSync(folder) ? undefined : true;
    };
    await eventually(`the control group ${folder} is empty`, gone, { within: 20_000 });
  }
}

async function removeTree(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  // Busy as long as a process of it is dying.
  await rmdir(folder).catch(() => undefined);
}
