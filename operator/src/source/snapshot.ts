import type { QuiverObject } from '../api/generated/kinds.gen.ts';
import { describeRef, type ObjectRef } from '../api/resources.ts';
import type { RouterConfig } from '../api/router-config.ts';
import { refOf } from '../translate/input.ts';
import type { Location, Problem } from '../translate/problem.ts';
import type { FabricSecret } from './fabric-secret.ts';
import { type Collected, type Generation, nextGenerations } from './file-state.ts';
import type { FileObject } from './resource-file.ts';
import type { Snapshot } from './resource-source.ts';

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly router: RouterConfig;
  readonly routerProblems: readonly Problem[];
  readonly secrets: readonly FabricSecret[];
  readonly collected: Collected;
  readonly generations: ReadonlyMap<string, Generation>;
}

/** Makes a snapshot, and the generations to go on with. */
export function makeSnapshot(parts: SnapshotParts): {
  snapshot: Snapshot;
  generations: ReadonlyMap<string, Generation>;
} {
  const { router, secrets, collected } = parts;
  const places = new Map(collected.objects.map((one) => [describeRef(refOf(one.object)), one]));
  const generations = nextGenerations(
    parts.generations,
    collected.objects.map(({ object }) => object),
  );
  const objects = collected.objects.map(({ object }) => withGeneration(object, generations));
  const snapshot: Snapshot = {
    router,
    secrets,
    tenants: objects.filter((object) => object.kind === 'Tenant'),
    services: objects.filter((object) => object.kind === 'Service'),
    serviceRoutes: objects.filter((object) => object.kind === 'ServiceRoute'),
    peers: objects.filter((object) => object.kind === 'Peer'),
    refused: collected.refused,
    problems: [...parts.routerProblems, ...collected.problems],
    locate: (ref, field) => locate(places.get(describeRef(ref)), field),
  };
  return { snapshot, generations };
}

/** Names of every object of a snapshot, in force or refused, with the generation that was looked at. */
export function objectsOf(snapshot: Snapshot): readonly { ref: ObjectRef; generation: number }[] {
  const { tenants, services, serviceRoutes, peers, refused } = snapshot;
  const present = [...tenants, ...services, ...serviceRoutes, ...peers].map((object) => ({
    ref: refOf(object),
    generation: object.metadata.generation ?? 1,
  }));
  const generationOf = (ref: ObjectRef): number => snapshot.refusedGenerations?.get(describeRef(ref)) ?? 1;
  return [...present, ...refused.map((ref) => ({ ref, generation: generationOf(ref) }))];
}

function withGeneration<T extends QuiverObject>(object: T, generations: ReadonlyMap<string, Generation>): T {
  const generation = object.metadata.generation ?? generations.get(describeRef(refOf(object)))?.generation ?? 1;
  return { ...object, metadata: { ...object.metadata, generation } };
}

function locate(place: FileObject | undefined, field: string): Location | undefined {
  return place === undefined ? undefined : { file: place.file, line: place.lineOf(field) };
}
