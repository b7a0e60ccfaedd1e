import { isDeepStrictEqual } from 'node:util';
import type { Kind, QuiverObject } from '../../api/generated/kinds.gen.ts';
import { describeRef, type ObjectRef } from '../../api/resources.ts';
import { QuiverError } from '../../errors.ts';
import type { StoredObject } from '../../kubernetes/client/kube-object.ts';
import type { Json } from '../../schema/index.ts';
import type { Problem } from '../../translate/problem.ts';
import { type Crds, judgeObject } from '../resource-file.ts';

/** An object of our own kinds as it is kept. */
export interface KeptQuiverObject<T extends QuiverObject = QuiverObject> {
  readonly ref: ObjectRef;
  /** What was judged: name, generation and wish, as the server has them. */
  readonly asked: object;
  readonly generation: number;
  /** With defaults; the last good state where the present one is refused; undefined: there was none. */
  readonly object: T | undefined;
  readonly problems: readonly Problem[];
  /** As the server has it. */
  readonly status: unknown;
}

/**
 * Keeps objects of one kind, each judged when its wish changes and not when its status does. The server has judged them
 * before, but perhaps by definitions that are older or newer than this program.
 */
export function keeperOf<T extends QuiverObject>(
  kind: T['kind'] & Kind,
  crds: Crds,
): (object: StoredObject, before: KeptQuiverObject<T> | undefined) => KeptQuiverObject<T> {
  const crd = crds.get(kind);
  if (crd === undefined) throw new QuiverError('InvariantBroken', `there is no definition of ${kind}`);
  return (stored, before) => {
    const asked = askedOf(stored);
    const status = stored['status'];
    if (before !== undefined && isDeepStrictEqual(before.asked, asked)) {
      return isDeepStrictEqual(before.status, status) ? before : { ...before, status };
    }
    const { namespace, name, generation = 1 } = stored.metadata;
    const ref: ObjectRef = namespace === undefined ? { kind, name } : { kind, namespace, name };
    const previous = (key: string): T | undefined => (key === describeRef(ref) ? before?.object : undefined);
    const { object, problems } = judgeObject(crd, asked as unknown as Json, { previous, isInCluster: true });
    const good = problems.length === 0 ? (object as T) : withGeneration(before?.object, generation);
    return { ref, asked, generation, object: good, problems, status };
  };
}

// Labels and annotations mean nothing to the translation; left out, a change of them is none.
function askedOf({ apiVersion, kind, metadata, spec }: StoredObject): object {
  const { namespace, name, uid, generation = 1 } = metadata;
  const place = namespace === undefined ? { name } : { namespace, name };
  return { apiVersion, kind, metadata: { ...place, uid, generation }, ...(spec === undefined ? {} : { spec }) };
}

function withGeneration<T extends QuiverObject>(object: T | undefined, generation: number): T | undefined {
  return object === undefined ? undefined : { ...object, metadata: { ...object.metadata, generation } };
}
