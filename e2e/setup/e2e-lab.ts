// Where the clusters of this run are: what the scenarios and the command agree on.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../cluster/lab.ts';

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
