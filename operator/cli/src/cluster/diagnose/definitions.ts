import { type Crd, loadCrds } from '@quiver/operator';
import type { Cluster, KubeObject } from '../cluster.ts';

/** How a definition of the cluster differs from this program's. */
export interface DefinitionState {
  /** Such as `services.quiver.dev`. */
  readonly name: string;
  readonly isThere: boolean;
  /** The first place where the two differ, such as `spec.ports`; empty when they are equal. */
  readonly difference: string;
}

interface CrdJson extends KubeObject {
  readonly spec?: {
    readonly versions?: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema?: unknown } }[];
  };
}

const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Compares the definitions of the API with those that this program was built with. */
export async function definitionsOf(cluster: Cluster): Promise<readonly DefinitionState[]> {
  const own = [...loadCrds().values()];
  return Promise.all(own.map(async (crd) => compare(crd, await cluster.get(`${path}/${crd.plural}.${crd.group}`))));
}

function compare(own: Crd, theirs: CrdJson | undefined): DefinitionState {
  const name = `${own.plural}.${own.group}`;
  if (theirs === undefined) return { name, isThere: false, difference: '' };
  const version = theirs.spec?.versions?.find((candidate) => candidate.name === own.version);
  if (version === undefined) return { name, isThere: true, difference: `version ${own.version}` };
  return { name, isThere: true, difference: differenceOf(own.schema, version.schema?.openAPIV3Schema, '') ?? '' };
}

/** Path of the first value that is not the same in both; undefined when all are. Descriptions are for people and do not count. */
export function differenceOf(one: unknown, other: unknown, place: string): string | undefined {
  if (!isTree(one) || !isTree(other)) return one === other ? undefined : readable(place);
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const name of [...names].toSorted()) {
    if (name === 'description' && typeof one[name] !== 'object') continue;
    const difference = differenceOf(one[name], other[name], `${place}/${name}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

// As kubectl explain names fields, without the words of the schema in between.
function readable(place: string): string {
  const words = place.split('/').filter((word) => !['', 'properties', 'items'].includes(word));
  return words.join('.') || 'the whole schema';
}
