import { dirname } from 'node:path';
import type { ObjectRef } from '../../api/resources.ts';
import type { ClusterView } from '../../cluster/cluster-view.ts';
import type { TaintedNode } from '../../cluster/node-taint.ts';
import { fromUnknown, type QuiverError } from '../../errors.ts';
import { keyOf, type StoredObject } from '../../kubernetes/client/kube-object.ts';
import type { ReadableStore } from '../../kubernetes/reflector/store.ts';
import type { WatchState } from '../../metrics/operator-metrics.ts';
import type { StoredObjectStatus } from '../../status/stored-status.ts';
import type { Snapshot, Subscription } from '../resource-source.ts';
import { WatchedPlaces } from '../watched-places.ts';
import { ClusterStores, type ClusterStoresDeps } from './cluster-stores.ts';
import { Coalescer } from './coalescer.ts';
import type { KeptOwnable } from './core-objects.ts';
import type { KeptQuiverObject } from './quiver-object.ts';
import { type MountedRouter, RouterMount, type RouterMountSettings } from './router-mount.ts';
import { SnapshotMaker } from './snapshot-maker.ts';

export interface KubernetesSourceDeps extends ClusterStoresDeps, RouterMountSettings {}

/** What comes within this time is one change, as long as it does not go on and on. */
const quietMilliseconds = 20;
const atMostMilliseconds = 100;

/**
 * Resources from an API server, and the router's own settings from mounted files. Begins with the first subscriber.
 * Once everything was read there is always a snapshot: whatever is unreachable stays as it was seen last.
 */
export class KubernetesSource implements ClusterView {
  readonly #deps: KubernetesSourceDeps;
  readonly #stores: ClusterStores;
  readonly #mount: RouterMount;
  readonly #maker: SnapshotMaker;
  readonly #coalescer: Coalescer;
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  readonly #ending = new AbortController();
  readonly #nodesOfPods = new Map<string, string>();
  #places: WatchedPlaces | undefined;
  #mounted: MountedRouter | undefined;
  #starting: Promise<void> | undefined;
  #latest: Snapshot | undefined;

  constructor(deps: KubernetesSourceDeps) {
    this.#deps = deps;
    this.#stores = new ClusterStores(deps);
    this.#mount = new RouterMount(deps);
    this.#maker = new SnapshotMaker(this.#stores);
    const run = (): void => this.#make();
    const { clock } = deps;
    this.#coalescer = new Coalescer({ clock, quiet: quietMilliseconds, atMost: atMostMilliseconds, run });
    this.#stores.pods.store.onChange(({ type, entry }) => {
      if (type === 'Deleted') this.#nodesOfPods.delete(entry.uid);
      else this.#nodesOfPods.set(entry.uid, entry.value.node);
    });
  }

  /**
   * Resolves when everything was read, which waits for an API server that is away and for definitions that are not
   * installed: `obstacle` and the log say so meanwhile. Rejects when the mounted files are not usable.
   */
  async subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription> {
    this.#starting ??= this.#start();
    await this.#starting;
    this.#listeners.add(listener);
    if (this.#latest !== undefined) listener(this.#latest);
    return { close: () => this.#listeners.delete(listener) };
  }

  /** Ends everything; who waits to subscribe is refused. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#coalescer.cancel();
    this.#places?.close();
    await this.#stores.stop();
  }

  /** What keeps the caches from being filled, with the way out; undefined: nothing does. */
  get obstacle(): QuiverError | undefined {
    return this.#stores.obstacle;
  }

  get isSynced(): boolean {
    return this.#stores.isSynced;
  }

  stored(ref: ObjectRef): StoredObjectStatus | undefined {
    const entry = this.#storeOf(ref)?.get(keyOf(ref));
    if (entry === undefined) return undefined;
    const { uid, resourceVersion, value } = entry;
    return { uid, resourceVersion, status: value.status };
  }

  onStored(listener: (ref: ObjectRef) => void): () => void {
    const ends = this.#quiverStores().map((store) => store.onChange(({ entry }) => listener(entry.value.ref)));
    return () => {
      for (const end of ends) end();
    };
  }

  *owned(): Iterable<StoredObject> {
    for (const store of this.#ownableStores()) {
      for (const { value } of store.entries()) if (value.owned !== undefined) yield value.owned;
    }
  }

  ownedObject(kind: string, namespace: string, name: string): StoredObject | undefined {
    const { coreServices, endpointSlices } = this.#stores;
    const { store }: { store: ReadableStore<KeptOwnable<unknown>> } =
      kind === 'Service' ? coreServices : endpointSlices;
    return store.get(keyOf({ namespace, name }))?.value.owned;
  }

  onOwned(
    listener: (object: { readonly kind: string; readonly namespace: string; readonly name: string }) => void,
  ): () => void {
    const ends = this.#ownableStores().map((store) =>
      store.onChange((change) => {
        const before = change.type === 'Updated' ? change.before.value.owned : undefined;
        const object = change.entry.value.owned ?? before;
        if (object === undefined) return;
        const { kind, metadata } = object;
        listener({ kind, namespace: metadata.namespace ?? '', name: metadata.name });
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  nodeOfPod(uid: string): string | undefined {
    return this.#nodesOfPods.get(uid) || undefined;
  }

  node(name: string): TaintedNode | undefined {
    const entry = this.#stores.nodes.store.get(name);
    if (entry === undefined) return undefined;
    return { name, resourceVersion: entry.resourceVersion, taints: entry.value.taints };
  }

  onMachines(listener: () => void): () => void {
    const { pods, nodes } = this.#stores;
    const ends = [pods.store.onChange(() => listener()), nodes.store.onChange(() => listener())];
    return () => {
      for (const end of ends) end();
    };
  }

  watches(): readonly WatchState[] {
    return this.#stores.watches();
  }

  async #start(): Promise<void> {
    const { routerFile, secretsFolder, clock, logger } = this.#deps;
    this.#places = new WatchedPlaces({
      places: [dirname(routerFile), secretsFolder],
      signature: () => this.#mount.signature(),
      changed: async () => {
        this.#mounted = await this.#mount.read();
        this.#coalescer.call();
      },
      failed: (caught) => logger.error('the mounted settings cannot be read', { reason: fromUnknown(caught).message }),
      clock,
      logger,
    });
    await this.#places.start();
    this.#stores.onChange(() => this.#coalescer.call());
    this.#stores.start();
    await this.#stores.synced(this.#ending.signal);
    this.#make();
  }

  #make(): void {
    if (this.#mounted === undefined || !this.#stores.isSynced || this.#ending.signal.aborted) return;
    const snapshot = this.#maker.make(this.#mounted);
    if (snapshot === this.#latest) return;
    this.#latest = snapshot;
    for (const listener of this.#listeners) {
      try {
        listener(snapshot);
      } catch (caught) {
        this.#deps.logger.error('a listener failed', { reason: fromUnknown(caught).message });
      }
    }
  }

  #storeOf({ kind }: ObjectRef): ReadableStore<KeptQuiverObject> | undefined {
    const { tenants, services, serviceRoutes, peers } = this.#stores;
    switch (kind) {
      case 'Tenant':
        return tenants.store;
      case 'Service':
        return services.store;
      case 'ServiceRoute':
        return serviceRoutes.store;
      case 'Peer':
        return peers.store;
      case 'RouterConfig':
      case 'File':
        return undefined;
    }
  }

  #quiverStores(): readonly ReadableStore<KeptQuiverObject>[] {
    const { tenants, services, serviceRoutes, peers } = this.#stores;
    return [tenants.store, services.store, serviceRoutes.store, peers.store];
  }

  #ownableStores(): readonly ReadableStore<KeptOwnable<unknown>>[] {
    return [this.#stores.coreServices.store, this.#stores.endpointSlices.store];
  }
}
