import type { ClusterView } from '../cluster/cluster-view.ts';
import type { TaintedNode } from '../cluster/node-taint.ts';
import { isRecord } from '../kubernetes/client/kube-object.ts';
import { resourceTypes } from '../kubernetes/resource-type.ts';
import type { FakeStorage } from '../kubernetes/testing/fake-storage.ts';
import type { WatchState } from '../metrics/operator-metrics.ts';
import type { Snapshot, Subscription } from '../source/resource-source.ts';
import { FakeSource } from './fake-source.ts';
import { StorageView } from './storage-view.ts';

/** The cluster of a fake API server, with resources that a test puts in. */
export class FakeClusterView extends StorageView implements ClusterView {
  readonly source: FakeSource;
  readonly obstacle = undefined;
  readonly #storage: FakeStorage;

  constructor(storage: FakeStorage, snapshot: Snapshot) {
    super(storage);
    this.#storage = storage;
    this.source = new FakeSource(snapshot);
  }

  subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription> {
    return this.source.subscribe(listener);
  }

  nodeOfPod(uid: string): string | undefined {
    const pod = this.#storage.all(resourceTypes.pod).find(({ metadata }) => metadata.uid === uid);
    const spec = pod?.['spec'];
    return isRecord(spec) ? String(spec['nodeName']) : undefined;
  }

  node(name: string): TaintedNode | undefined {
    if (!this.#storage.has(resourceTypes.node, name)) return undefined;
    const { metadata, spec } = this.#storage.get(resourceTypes.node, name);
    const { taints = [] } = (spec ?? {}) as { readonly taints?: TaintedNode['taints'] };
    return { name, resourceVersion: metadata.resourceVersion, taints };
  }

  onMachines(listener: () => void): () => void {
    return this.#storage.onEvent(({ type }) => {
      if (type === resourceTypes.pod || type === resourceTypes.node) listener();
    });
  }

  watches(): readonly WatchState[] {
    return [{ kind: 'Pod', isSynced: true, restarts: 0, lastProgress: 0 }];
  }
}
