import type { WatchState } from '../metrics/operator-metrics.ts';
import type { ResourceSource } from '../source/resource-source.ts';
import type { StoredStatuses } from '../status/stored-status.ts';
import type { TaintedNode } from './node-taint.ts';
import type { OwnedStore } from './owned-objects.ts';

/** The cluster as it was last seen: resources for the translation, and what those who write must know. */
export interface ClusterView extends ResourceSource, StoredStatuses, OwnedStore {
  /** Name of the node on which the pod runs; undefined when there is no such pod. */
  nodeOfPod(uid: string): string | undefined;
  node(name: string): TaintedNode | undefined;
  /** Calls the listener after pods or nodes came, went or changed. Gives the way to end it. */
  onMachines(listener: () => void): () => void;
  watches(): readonly WatchState[];
  /** What keeps everything from being read, with the way out; undefined: nothing does. */
  readonly obstacle: Error | undefined;
}
