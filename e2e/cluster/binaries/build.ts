import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../harness/command.ts';
import { guardFolder } from '../../harness/leftover-guard.ts';
import { versionsHash } from '../versions.ts';
import { buildPrograms } from './go-module.ts';
import { recipes } from './recipes.ts';

/** Folders of the programs that nodes run. */
export interface Binaries {
  /** Kubernetes, containerd, etcd, CoreDNS, cnitool. */
  readonly bin: string;
  /** The reference CNI plugins. */
  readonly cni: string;
}

/** What is done, told to whoever waits. */
export type Say = (text: string) => void;

/**
 * The programs of the pinned versions, built once into a folder of `cache`: minutes the first time, nothing later.
 * @throws when Go is missing or something does not build.
 */
export async function ensureBinaries(cache: string, say: Say): Promise<Binaries> {
  const folder = join(cache, versionsHash());
  const built = { bin: join(folder, 'bin'), cni: join(folder, 'cni') };
  if (existsSync(folder)) return built;
  const found = await run(['go', 'version']);
  if (found.code !== 0) {
    throw new Error(
      'Kubernetes is built from its Go modules and Go is missing: install Go 1.26 from https://go.dev/dl.',
    );
  }
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, '.building-'));
  const guarded = guardFolder(staging);
  try {
    for (const recipe of recipes) {
      say(`building ${recipe.name} ${recipe.version}`);
      await buildPrograms(recipe, join(staging, 'modules', recipe.name), join(staging, recipe.folder));
    }
    await rm(join(staging, 'modules'), { recursive: true });
    // Whoever was faster built the same.
    await rename(staging, folder).catch(() => undefined);
  } finally {
    guarded.release();
    await rm(staging, { recursive: true, force: true });
  }
  return built;
}
