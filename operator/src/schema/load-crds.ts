import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Crd, parseCrd } from './crd.ts';

/** Where the definitions lie in the repository. */
export const CRD_FOLDER = fileURLToPath(new URL('../../../crds/', import.meta.url));

/** The definitions as texts, each read by its own name: so they become part of a bundle. */
export function crdTexts(): readonly string[] {
  return [
    readFileSync(new URL('../../../crds/peers.yaml', import.meta.url), 'utf8'),
    readFileSync(new URL('../../../crds/serviceroutes.yaml', import.meta.url), 'utf8'),
    readFileSync(new URL('../../../crds/services.yaml', import.meta.url), 'utf8'),
    readFileSync(new URL('../../../crds/tenants.yaml', import.meta.url), 'utf8'),
  ];
}

/** Every definition of a folder by kind; without one those that belong to this program. */
export function loadCrds(folder?: string): ReadonlyMap<string, Crd> {
  const crds = (folder === undefined ? crdTexts() : textsIn(folder)).map(parseCrd);
  return new Map(crds.map((crd) => [crd.kind, crd]));
}

function textsIn(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return files.toSorted().map((name) => readFileSync(join(folder, name), 'utf8'));
}
