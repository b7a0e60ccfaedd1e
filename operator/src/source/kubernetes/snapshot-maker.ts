import { isDeepStrictEqual } from 'node:util';
import type { QuiverObject } from '../../api/generated/kinds.gen.ts';
import type { SvrService } from '../../api/generated/service.gen.ts';
import type { KubernetesObjects } from '../../api/kubernetes-objects.ts';
import { describeRef, type ObjectRef } from '../../api/resources.ts';
import { fullName } from '../../translate/input.ts';
import type { Problem } from '../../translate/problem.ts';
import type { Snapshot } from '../resource-source.ts';
import type { ClusterStores } from './cluster-stores.ts';
import type { KeptNode, KeptOwnable } from './core-objects.ts';
import { list, texts } from './fields.ts';
import type { KeptQuiverObject } from './quiver-object.ts';
import type { MountedRouter } from './router-mount.ts';
import { listOf, remembered, sameList } from './stable.ts';

/** What the four kinds contribute. */
interface OfKind<T extends QuiverObject> {
  readonly objects: readonly T[];
  readonly problems: readonly Problem[];
  readonly refused: readonly { readonly ref: ObjectRef; readonly generation: number }[];
}

/**
 * Makes snapshots of what the stores hold. Whatever did not change is the very same in the next one: an object, a list
 * of objects, and the snapshot itself.
 */
export class SnapshotMaker {
  readonly #stores: ClusterStores;
  readonly #tenants = kindMaker<Snapshot['tenants'][number]>();
  readonly #services = kindMaker<Snapshot['services'][number]>();
  readonly #serviceRoutes = kindMaker<Snapshot['serviceRoutes'][number]>();
  readonly #peers = kindMaker<Snapshot['peers'][number]>();
  readonly #nodes = listOf(({ node }: KeptNode) => [node]);
  readonly #coreServices = listOf(({ value }: KeptOwnable<KubernetesObjects['coreServices'][number]>) => [value]);
  // Our own slices lead to no server, and a translation that they cause would change nothing.
  readonly #endpointSlices = listOf(({ value }: KeptOwnable<KubernetesObjects['endpointSlices'][number]>) =>
    value.isOwned ? [] : [value],
  );
  readonly #held = remembered(heldIn);
  #latest: Snapshot | undefined;

  constructor(stores: ClusterStores) {
    this.#stores = stores;
  }

  /** The snapshot of this moment; the one before when nothing changed but statuses. */
  make({ router, secrets, problems }: MountedRouter): Snapshot {
    const before = this.#latest;
    const kinds = this.#kinds(problems, before);
    const parts = { router, secrets, ...kinds, kubernetes: this.#kubernetes(before?.kubernetes) };
    if (before !== undefined && hasSameParts(before, parts)) return before;
    // Only what a status holds that was written meanwhile differs, so it makes no snapshot of its own.
    const heldAddresses = sameMap(before?.heldAddresses, this.#held(this.#stores.services.store.values()));
    this.#latest = { ...parts, heldAddresses, locate: () => undefined };
    return this.#latest;
  }

  #kinds(problems: readonly Problem[], before: Snapshot | undefined) {
    const { tenants, services, serviceRoutes, peers } = this.#stores;
    const made = {
      tenants: this.#tenants(tenants.store.values()),
      services: this.#services(services.store.values()),
      serviceRoutes: this.#serviceRoutes(serviceRoutes.store.values()),
      peers: this.#peers(peers.store.values()),
    };
    const all = [made.tenants, made.services, made.serviceRoutes, made.peers];
    const refused = all.flatMap((kind) => kind.refused);
    const refs = refused.map(({ ref }) => ref);
    const generations = refused.map(({ ref, generation }) => [describeRef(ref), generation] as const);
    return {
      tenants: made.tenants.objects,
      services: made.services.objects,
      serviceRoutes: made.serviceRoutes.objects,
      peers: made.peers.objects,
      refused: sameList(before?.refused, refs),
      refusedGenerations: sameMap(before?.refusedGenerations, new Map(generations)),
      problems: sameList(before?.problems, [...problems, ...all.flatMap((kind) => kind.problems)]),
    };
  }

  #kubernetes(before: KubernetesObjects | undefined): KubernetesObjects {
    const { nodes, namespaces, pods, coreServices, endpointSlices } = this.#stores;
    const now = {
      nodes: this.#nodes(nodes.store.values()),
      namespaces: namespaces.store.values(),
      pods: pods.store.values(),
      coreServices: this.#coreServices(coreServices.store.values()),
      endpointSlices: this.#endpointSlices(endpointSlices.store.values()),
    };
    return before !== undefined && hasSameParts(before, now) ? before : now;
  }
}

function kindMaker<T extends QuiverObject>(): (kept: readonly KeptQuiverObject<T>[]) => OfKind<T> {
  return remembered((kept, before) => ({
    objects: sameList(
      before?.objects,
      kept.flatMap(({ object }) => object ?? []),
    ),
    problems: sameList(
      before?.problems,
      kept.flatMap(({ problems }) => problems),
    ),
    refused: kept.filter(({ object }) => object === undefined),
  }));
}

function heldIn(services: readonly KeptQuiverObject<SvrService>[]): ReadonlyMap<string, readonly string[]> {
  const held = services.flatMap(({ object, status }) => {
    const addresses = object === undefined ? [] : texts(list(status, 'addresses'));
    return object === undefined || addresses.length === 0 ? [] : [[fullName(object), addresses] as const];
  });
  return new Map(held);
}

function sameMap<V>(before: ReadonlyMap<string, V> | undefined, now: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  return before !== undefined && isDeepStrictEqual(before, now) ? before : now;
}

function hasSameParts<T extends object>(before: T, parts: Partial<T>): boolean {
  return Object.entries(parts).every(([name, part]) => before[name as keyof T] === part);
}
