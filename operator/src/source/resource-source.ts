import type { ObjectRef } from '../api/resources.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { Location, Problem } from '../translate/problem.ts';
import type { FabricSecret } from './fabric-secret.ts';

/** The resources at one moment. Never changes; a change gives a new one. */
export interface Snapshot extends TranslateInput {
  readonly secrets: readonly FabricSecret[];
  /** What the source itself refused; objects concerned are there in their last good state, or not at all. */
  readonly problems: readonly Problem[];
  /** Generations that were looked at, by `Kind namespace/name`, of objects that are refused; the others hold theirs. */
  readonly refusedGenerations?: ReadonlyMap<string, number> | undefined;
  /** Where a field was written, as near as the source knows. */
  readonly locate: (object: ObjectRef, field: string) => Location | undefined;
}

export interface Subscription {
  close(): void;
}

/** Where resources come from: a directory of files, or an API server. */
export interface ResourceSource {
  /**
   * Calls the listener with the present state before it resolves, and then with every new one.
   * Rejects with a `QuiverError` when there is no usable state to begin with.
   */
  subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription>;
}
