import type { Kind, QuiverObject } from '../../api/generated/kinds.gen.ts';
import type { CoreService, EndpointSlice, KubernetesNamespace, KubernetesPod } from '../../api/kubernetes-objects.ts';
import { QuiverError } from '../../errors.ts';
import type { ReflectorDeps } from '../../kubernetes/reflector/reflector.ts';
import { Reflector } from '../../kubernetes/reflector/reflector.ts';
import { describeType, type ResourceType, resourceTypes } from '../../kubernetes/resource-type.ts';
import type { WatchState } from '../../metrics/operator-metrics.ts';
import type { Crds } from '../resource-file.ts';
import {
  type KeptNode,
  type KeptOwnable,
  keepCoreService,
  keepEndpointSlice,
  keepNamespace,
  keepNode,
  keepPod,
} from './core-objects.ts';
import { type KeptQuiverObject, keeperOf } from './quiver-object.ts';

type OfKind<K extends Kind> = KeptQuiverObject<Extract<QuiverObject, { readonly kind: K }>>;

export type ClusterStoresDeps = Omit<ReflectorDeps<never>, 'type' | 'project' | 'selector'> & { readonly crds: Crds };

/** The message of a missing kind comes again after this time, for those who look at the log late. */
const tellAgainAfter = 60_000;

/** Everything of the cluster that is followed, one reflector for each kind. */
export class ClusterStores {
  readonly tenants: Reflector<OfKind<'Tenant'>>;
  readonly services: Reflector<OfKind<'Service'>>;
  readonly serviceRoutes: Reflector<OfKind<'ServiceRoute'>>;
  readonly peers: Reflector<OfKind<'Peer'>>;
  readonly namespaces: Reflector<KubernetesNamespace>;
  readonly pods: Reflector<KubernetesPod>;
  readonly nodes: Reflector<KeptNode>;
  readonly coreServices: Reflector<KeptOwnable<CoreService>>;
  readonly endpointSlices: Reflector<KeptOwnable<EndpointSlice>>;
  readonly #deps: ClusterStoresDeps;
  readonly #toldAt = new Map<string, number>();

  constructor(deps: ClusterStoresDeps) {
    this.#deps = deps;
    const { crds } = deps;
    this.tenants = this.#reflect(resourceTypes.tenant, keeperOf('Tenant', crds));
    this.services = this.#reflect(resourceTypes.service, keeperOf('Service', crds));
    this.serviceRoutes = this.#reflect(resourceTypes.serviceRoute, keeperOf('ServiceRoute', crds));
    this.peers = this.#reflect(resourceTypes.peer, keeperOf('Peer', crds));
    this.namespaces = this.#reflect(resourceTypes.namespace, keepNamespace);
    this.pods = this.#reflect(resourceTypes.pod, keepPod);
    this.nodes = this.#reflect(resourceTypes.node, keepNode);
    this.coreServices = this.#reflect(resourceTypes.coreService, keepCoreService);
    this.endpointSlices = this.#reflect(resourceTypes.endpointSlice, keepEndpointSlice);
    for (const reflector of this.#all) reflector.onState(() => this.#tellMissing(reflector));
  }

  get isSynced(): boolean {
    return this.#all.every(({ state }) => state.isSynced);
  }

  /** What keeps the caches from being filled, with the way out; undefined: nothing does. */
  get obstacle(): QuiverError | undefined {
    const blocked = this.#all.find(({ state }) => !state.isSynced && state.failure !== undefined);
    return blocked === undefined ? undefined : obstacleOf(blocked);
  }

  start(): void {
    for (const reflector of this.#all) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((reflector) => reflector.stop()));
  }

  /** Resolves when every store holds everything; rejects when the signal says so. */
  async synced(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const ends: (() => void)[] = [];
      const end = (run: () => void): void => {
        for (const one of ends) one();
        run();
      };
      const check = (): void => {
        if (this.isSynced) end(resolve);
      };
      const give = (): void =>
        end(() => reject(this.obstacle ?? new QuiverError('ClusterUnreachable', 'ended before everything was read')));
      for (const reflector of this.#all) ends.push(reflector.onState(check));
      signal.addEventListener('abort', give);
      ends.push(() => signal.removeEventListener('abort', give));
      if (signal.aborted) give();
      else check();
    });
  }

  /** Calls the listener after any change of a store. */
  onChange(listener: () => void): void {
    for (const { store } of this.#all) store.onChange(listener);
  }

  watches(): readonly WatchState[] {
    return this.#all.map(({ type, state }) => ({
      kind: describeType(type),
      isSynced: state.isSynced,
      restarts: Math.max(0, state.relists - 1),
      lastProgress: state.lastProgress ?? 0,
    }));
  }

  get #all(): readonly Reflector<unknown>[] {
    const ours = [this.tenants, this.services, this.serviceRoutes, this.peers];
    const theirs = [this.namespaces, this.pods, this.nodes, this.coreServices, this.endpointSlices];
    return [...ours, ...theirs] as unknown as readonly Reflector<unknown>[];
  }

  #reflect<T>(type: ResourceType, project: ReflectorDeps<T>['project']): Reflector<T> {
    const { client, clock, random, logger, observer } = this.#deps;
    return new Reflector<T>({
      client,
      clock,
      random,
      logger,
      type,
      project,
      ...(observer === undefined ? {} : { observer }),
    });
  }

  #tellMissing(reflector: Reflector<unknown>): void {
    if (reflector.state.failure?.kind !== 'KindUnknown') return;
    const { clock, logger } = this.#deps;
    const kind = describeType(reflector.type);
    const now = clock.now();
    if (now - (this.#toldAt.get(kind) ?? -Infinity) < tellAgainAfter) return;
    this.#toldAt.set(kind, now);
    const { code, message } = obstacleOf(reflector);
    logger.error(message, { code });
  }
}

function obstacleOf({ type, state }: Reflector<unknown>): QuiverError {
  const { failure } = state;
  const kind = describeType(type);
  if (failure?.kind === 'KindUnknown') {
    return new QuiverError(
      'SchemaMissing',
      `the API server does not know ${kind}; install the definitions: kubectl apply --server-side -f crds/, or helm install quiver-crds`,
      { cause: failure },
    );
  }
  if (failure?.kind === 'Forbidden') {
    const message = `the service account may not watch ${kind}; grant it the rights of the chart: ${failure.message}`;
    return new QuiverError('ClusterUnreachable', message, { cause: failure });
  }
  return failure ?? new QuiverError('ClusterUnreachable', `${kind} were not read yet`);
}
