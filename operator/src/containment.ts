import type { QuiverObject } from './api/generated/kinds.gen.ts';
import { describeRef } from './api/resources.ts';
import { fromUnknown } from './errors.ts';
import type { Snapshot } from './source/resource-source.ts';
import { refOf } from './translate/input.ts';
import type { Problem } from './translate/problem.ts';

/** Objects that may be left out of one snapshot, at most: more is no fault of objects. */
const maxLeftOut = 16;

/**
 * Runs a translation so that an object on which it fails is left out and told about, and the rest works. That is never
 * a user's mistake; it keeps a fault of ours as small as it can be.
 */
export class Containment {
  // An object is the same one until it changes.
  readonly #faulty = new WeakMap<QuiverObject, string>();

  /** Rejects with what the translation threw when no object is to blame. */
  run<T>(snapshot: Snapshot, translate: (snapshot: Snapshot) => T): T {
    for (let leftOut = 0; ; leftOut += 1) {
      const usable = this.#withoutFaulty(snapshot);
      try {
        return translate(usable);
      } catch (caught) {
        const culprit = leftOut < maxLeftOut ? findCulprit(usable, translate) : undefined;
        if (culprit === undefined) throw caught;
        this.#faulty.set(culprit.object, culprit.reason);
      }
    }
  }

  #withoutFaulty(snapshot: Snapshot): Snapshot {
    const faulty = objectsIn(snapshot).filter((object) => this.#faulty.has(object));
    if (faulty.length === 0) return snapshot;
    const problems = faulty.map((object) => problemOf(object, this.#faulty.get(object) ?? ''));
    const left = without(snapshot, new Set(faulty));
    return { ...left, refused: [...left.refused, ...faulty.map(refOf)], problems: [...left.problems, ...problems] };
  }
}

interface Culprit {
  readonly object: QuiverObject;
  readonly reason: string;
}

/** The first object with which, and without which not, the objects before it fail; undefined when there is none. */
function findCulprit(snapshot: Snapshot, translate: (snapshot: Snapshot) => unknown): Culprit | undefined {
  const objects = objectsIn(snapshot);
  const failure = (count: number): string | undefined => {
    try {
      translate(without(snapshot, new Set(objects.slice(count))));
      return undefined;
    } catch (caught) {
      return fromUnknown(caught).message;
    }
  };
  if (failure(0) !== undefined) return undefined;
  let [works, fails] = [0, objects.length];
  while (fails - works > 1) {
    const middle = Math.floor((works + fails) / 2);
    if (failure(middle) === undefined) works = middle;
    else fails = middle;
  }
  const object = objects[fails - 1];
  const reason = failure(fails);
  return object === undefined || reason === undefined ? undefined : { object, reason };
}

function problemOf(object: QuiverObject, reason: string): Problem {
  const message = `the operator failed on ${describeRef(refOf(object))} and goes on without it: ${reason}; please report it with the object`;
  return { code: 'InvalidObject', object: refOf(object), field: '', message };
}

function objectsIn({ tenants, services, serviceRoutes, peers }: Snapshot): readonly QuiverObject[] {
  return [...tenants, ...services, ...serviceRoutes, ...peers];
}

function without(snapshot: Snapshot, gone: ReadonlySet<QuiverObject>): Snapshot {
  const stays = (object: QuiverObject): boolean => !gone.has(object);
  return {
    ...snapshot,
    tenants: snapshot.tenants.filter(stays),
    services: snapshot.services.filter(stays),
    serviceRoutes: snapshot.serviceRoutes.filter(stays),
    peers: snapshot.peers.filter(stays),
  };
}
