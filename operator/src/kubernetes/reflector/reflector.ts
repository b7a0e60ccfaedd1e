import type { Clock } from '../../clock.ts';
import { fromUnknown } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { backoff } from '../backoff.ts';
import type { ApiClient, Query } from '../client/api-client.ts';
import { ApiFailure, type FailureKind, networkFailure } from '../client/api-failure.ts';
import { keyOf, type StoredObject } from '../client/kube-object.ts';
import { pause } from '../pause.ts';
import { describeType, type ResourceType } from '../resource-type.ts';
import { Inflow, type Sink } from './inflow.ts';
import { type ReadableStore, Store } from './store.ts';

/** What a reflector knows of itself. */
export interface ReflectorState {
  /** The store held everything at least once. */
  readonly isSynced: boolean;
  /** Changes arrive as they happen, as far as one can see from here. */
  readonly isCurrent: boolean;
  /** When the server last said anything, in milliseconds since the epoch; undefined: never. */
  readonly lastProgress: number | undefined;
  /** How often everything was read. */
  readonly relists: number;
  /** Why it is not current. */
  readonly failure: ApiFailure | undefined;
}

/** Counts what a reflector does, for metrics. */
export interface ReflectorObserver {
  event(type: ResourceType): void;
  relisted(type: ResourceType, milliseconds: number): void;
  failed(type: ResourceType, failure: ApiFailure, waitMilliseconds: number): void;
}

export interface ReflectorDeps<T> {
  readonly client: ApiClient;
  readonly type: ResourceType;
  /**
   * Makes what is kept of an object, while it is read. `before` is what is kept of it now, so that equal parts can stay
   * the same. Undefined: the object is not kept.
   */
  readonly project: (object: StoredObject, before: T | undefined) => T | undefined;
  /** Narrows what is looked at. */
  readonly selector?: Query;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer?: ReflectorObserver;
}

const waits = { first: 500, most: 10_000 };
/** A server that is not there is not hurt by being asked, and shall not be missed for long when it is back. */
const absentWaits = { first: 250, most: 2_000 };
/** A server may ask for patience, but not for more than this. */
const longestRetryAfter = 60_000;
/** A stream that lived so long was healthy: the next failure is a first one. */
const healthyAfter = 10_000;
/** A stream that ends sooner than this has not served its purpose. */
const shortestStream = 1_000;

/**
 * Keeps a store equal to all objects of one kind. It never gives up and never stalls: whatever goes wrong, it waits,
 * reads everything anew and applies the differences, deletions included.
 */
export class Reflector<T> {
  readonly #deps: ReflectorDeps<T>;
  readonly #store: Store<T>;
  readonly #inflow: Inflow;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #logger: Logger;
  #running: Promise<void> | undefined;
  #state: ReflectorState = {
    isSynced: false,
    isCurrent: false,
    lastProgress: undefined,
    relists: 0,
    failure: undefined,
  };
  #failures = 0;
  #lastKind: FailureKind | undefined;

  constructor(deps: ReflectorDeps<T>) {
    this.#deps = deps;
    this.#logger = deps.logger.with({ kind: describeType(deps.type) });
    this.#store = new Store<T>((caught) => this.#logger.error('a listener failed', { reason: messageOf(caught) }));
    this.#inflow = new Inflow({ ...deps, selector: deps.selector ?? {}, sink: this.#sink() });
  }

  get type(): ResourceType {
    return this.#deps.type;
  }

  get store(): ReadableStore<T> {
    return this.#store;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Calls the listener when the state changed otherwise than by progress. Gives the way to end it. */
  onState(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins, and goes on until it is stopped. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends it; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = clock.now();
      try {
        await this.#inflow.flow(signal);
        if (clock.now() - began < shortestStream) throw networkFailure(new Error('the watch ended at once'), 'watch');
      } catch (caught) {
        if (signal.aborted) break;
        const wasHealthy = clock.now() - began >= healthyAfter;
        await pause(clock, this.#failed(networkFailure(caught, 'watch'), wasHealthy), signal);
      }
    }
    this.#change({ isCurrent: false });
  }

  /** Milliseconds to wait. */
  #failed(failure: ApiFailure, wasHealthy: boolean): number {
    const { type, observer } = this.#deps;
    // What was read before the failure is not trusted: the next attempt reads everything.
    this.#inflow.forget();
    // Another failure than before is progress: a server that was away for long and starts is not made to wait for.
    const isOther = wasHealthy || failure.kind !== this.#lastKind;
    this.#failures = isOther ? 1 : this.#failures + 1;
    this.#lastKind = failure.kind;
    const wait = this.#waitAfter(failure);
    this.#logger.warn('reading again after a failure', { reason: failure.message, wait: Math.round(wait) });
    observer?.failed(type, failure, wait);
    this.#change({ isCurrent: false, failure });
    return wait;
  }

  // A server that starts asks for five seconds with its 503, and is ready much sooner: only 429 is taken at its word.
  #waitAfter({ kind, retryAfter }: ApiFailure): number {
    const { random } = this.#deps;
    if (kind === 'TooManyRequests' && retryAfter !== undefined) {
      return Math.min(retryAfter, longestRetryAfter) * (1 + random() / 4);
    }
    return backoff(this.#failures, kind === 'Unreachable' ? absentWaits : waits, random);
  }

  #sink(): Sink {
    const { clock, type, observer } = this.#deps;
    return {
      put: (object) => this.#put(object),
      delete: ({ metadata }) => {
        const key = keyOf(metadata);
        if (this.#store.get(key)?.uid === metadata.uid) this.#store.delete(key);
      },
      complete: (keys, milliseconds) => {
        this.#store.retain(keys);
        observer?.relisted(type, milliseconds);
        this.#change({ isSynced: true, isCurrent: true, relists: this.#state.relists + 1, failure: undefined });
      },
      resumed: () => this.#change({ isCurrent: true, failure: undefined }),
      progress: () => {
        observer?.event(type);
        this.#state = { ...this.#state, lastProgress: clock.now() };
      },
    };
  }

  #put(object: StoredObject): void {
    const { metadata } = object;
    const key = keyOf(metadata);
    const present = this.#store.get(key);
    const before = present?.uid === metadata.uid ? present : undefined;
    if (before?.resourceVersion === metadata.resourceVersion) return;
    try {
      const value = this.#deps.project(object, before?.value);
      if (value === undefined) this.#store.delete(key);
      else this.#store.put({ key, uid: metadata.uid, resourceVersion: metadata.resourceVersion, value });
    } catch (caught) {
      this.#logger.error('an object cannot be read and stays as it was', { name: key, reason: messageOf(caught) });
    }
  }

  #change(change: Partial<ReflectorState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (caught) {
        this.#logger.error('a listener failed', { reason: messageOf(caught) });
      }
    }
  }
}

function messageOf(caught: unknown): string {
  return fromUnknown(caught).message;
}

/** Whether a failure says that the kind is not installed. */
export function isMissingKind(failure: ApiFailure | undefined): boolean {
  return failure instanceof ApiFailure && failure.kind === 'KindUnknown';
}
