import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Crd, parseCrd } from './crd.ts';

/** Where the definitions lie in the repository and in the images. */
export const CRD_FOLDER = fileURLToPath(new URL('../../../crds/', import.meta.url));

/** Reads every definition of a folder, by kind. */
export function loadCrds(folder: string = CRD_FOLDER): ReadonlyMap<string, Crd> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const crds = files.toSorted().map((name) => parseCrd(readFileSync(join(folder, name), 'utf8')));
  return new Map(crds.map((crd) => [crd.kind, crd]));
}
