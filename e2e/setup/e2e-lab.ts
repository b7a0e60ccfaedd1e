// Where the clusters of this run are: what the scenarios and the command agree on.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProjectImage } from '../cluster/images/project.ts';
import { chartFolder, install } from '../cluster/install.ts';
import { Lab } from '../cluster/lab.ts';
import { ROOT } from './stage.ts';

/** Folder that is kept between runs. */
export const clusterCache = join(process.env['QUIVER_CACHE'] ?? join(homedir(), '.cache/quiver'), 'kubernetes');

/** Name of the lab, for the scenarios that a command starts. */
export const LAB_VARIABLE = 'QUIVER_E2E_LAB';

export const say = (text: string): void => void process.stderr.write(`e2e: ${text}\n`);

let opened: Promise<Lab> | undefined;

/** The lab on which the scenarios of this process run. */
export function scenarioLab(): Promise<Lab> {
  opened ??= Lab.open({ cache: clusterCache, name: process.env[LAB_VARIABLE] ?? '', say });
  return opened;
}

/** Notes which images the nodes of a lab have. */
export function rememberImages({ folder }: Lab, images: readonly ProjectImage[]): void {
  writeFileSync(join(folder, 'images.json'), JSON.stringify(images));
}

/** The images that the nodes of a lab have. */
export function loadedImages({ folder }: Lab): readonly ProjectImage[] {
  return JSON.parse(readFileSync(join(folder, 'images.json'), 'utf8')) as ProjectImage[];
}

/** Installs the chart in both clusters, or upgrades it to the images. */
export async function installEverywhere(lab: Lab, images: readonly ProjectImage[]): Promise<void> {
  const options = { helm: lab.tools.helm4, chart: chartFolder(ROOT), images, secret: fabricSecret(lab) };
  await Promise.all(
    lab.clusters.map(async (cluster) => {
      say(`installing the chart in ${cluster.name}`);
      await install(cluster, options);
    }),
  );
}

/** Installs what the nodes have, after a scenario has removed it. */
export async function installAgain(): Promise<void> {
  const lab = await scenarioLab();
  await installEverywhere(lab, loadedImages(lab));
}

/** The same for all routers of a lab. */
export function fabricSecret({ folder }: Lab): string {
  const file = join(folder, 'fabric.secret');
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}
