import type { ObjectRef } from '../api/resources.ts';

/** What the cache holds of an object whose status the operator writes. */
export interface StoredObjectStatus {
  readonly uid: string;
  readonly resourceVersion: string;
  /** As it was read; undefined when there is none. */
  readonly status: unknown;
}

/** The newest state of objects that was seen, for those who write. */
export interface StoredStatuses {
  /** Undefined when there is no such object, as far as is known. */
  stored(ref: ObjectRef): StoredObjectStatus | undefined;
  /** Calls the listener after each change of an object, its status included. Gives the way to end it. */
  onStored(listener: (ref: ObjectRef) => void): () => void;
}
