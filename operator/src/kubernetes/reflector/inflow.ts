import type { Clock } from '../../clock.ts';
import type { ApiClient, OpenWatch, Query } from '../client/api-client.ts';
import { ApiFailure, malformedFailure, timeoutFailure } from '../client/api-failure.ts';
import { isRecord, isStoredObject, keyOf, type StoredObject } from '../client/kube-object.ts';
import type { WatchEvent } from '../client/watch-events.ts';
import { describeType, type ResourceType } from '../resource-type.ts';
import { Watchdog } from './watchdog.ts';

/** Takes what is read. */
export interface Sink {
  put(object: StoredObject): void;
  delete(object: StoredObject): void;
  /** Everything was read: what is not named does not exist any more. */
  complete(keys: ReadonlySet<string>, milliseconds: number): void;
  /** A watch goes on where the one before ended. */
  resumed(): void;
  /** The server said something. */
  progress(): void;
}

export interface InflowDeps {
  readonly client: ApiClient;
  readonly type: ResourceType;
  readonly selector: Query;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sink: Sink;
}

/** A healthy server sends a bookmark about every minute, sometimes after two. */
const longestSilence = 150_000;
/** While everything is read, objects come one upon another. */
const longestSilenceAtFirst = 30_000;
/** Everything is read anew at the next end of a watch after this time, whatever the watches said. */
const trustedFor = 30 * 60_000;
/** After a server did not know WatchList, lists are used for this time. */
const listsFor = 10 * 60_000;
const pageSize = 500;

/**
 * One stream of objects after another. Begins by reading everything, through WatchList where the server has it, else by
 * pages, and goes on from the last version as long as watches end well.
 */
export class Inflow {
  readonly #deps: InflowDeps;
  #version: string | undefined;
  #readAt = 0;
  #listsUntil = 0;
  #isOpen = false;

  constructor(deps: InflowDeps) {
    this.#deps = deps;
  }

  /** Reads everything the next time. */
  forget(): void {
    this.#version = undefined;
  }

  /** One stream until it ends well. Throws an `ApiFailure` when it does not. */
  async flow(signal: AbortSignal): Promise<void> {
    const began = this.#deps.clock.now();
    if (began - this.#readAt > trustedFor) this.forget();
    if (this.#version === undefined && began >= this.#listsUntil) return this.#watchList(signal);
    if (this.#version === undefined) await this.#readPages(signal);
    return this.#watch({ resourceVersion: this.#version }, longestSilence, signal, (event) => this.#take(event));
  }

  async #watchList(signal: AbortSignal): Promise<void> {
    const { clock, type } = this.#deps;
    const began = clock.now();
    const seen = new Set<string>();
    let isComplete = false;
    const query = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
    const take = (event: WatchEvent): number | undefined => {
      if (!isComplete && event.type !== 'BOOKMARK') seen.add(keyOf(storedIn(event, type).metadata));
      this.#take(event);
      if (isComplete || !isEndOfInitialEvents(event)) return undefined;
      isComplete = true;
      this.#complete(seen, began);
      return longestSilence;
    };
    try {
      await this.#watch(query, longestSilenceAtFirst, signal, take);
    } catch (caught) {
      if (!isComplete && this.#speaksNoWatchList(caught)) this.#listsUntil = clock.now() + listsFor;
      throw caught;
    }
    if (!isComplete) throw malformedFailure(describeType(type), 'the watch ended before everything was sent');
  }

  async #readPages(signal: AbortSignal): Promise<void> {
    const { client, type, selector, clock, sink } = this.#deps;
    const began = clock.now();
    const seen = new Set<string>();
    let next: string | undefined;
    do {
      const page = await client.list(type, { ...selector, limit: pageSize, continue: next }, { signal });
      sink.progress();
      for (const object of page.items) {
        seen.add(keyOf(object.metadata));
        sink.put(object);
      }
      this.#version = page.resourceVersion;
      next = page.next;
    } while (next !== undefined);
    this.#complete(seen, began);
  }

  #complete(seen: ReadonlySet<string>, began: number): void {
    const now = this.#deps.clock.now();
    this.#readAt = now;
    this.#deps.sink.complete(seen, now - began);
  }

  /** `take` gives another limit of silence when it changes. */
  async #watch(
    query: Query,
    silence: number,
    signal: AbortSignal,
    take: (event: WatchEvent) => number | undefined,
  ): Promise<void> {
    const watch = await this.#open(query, signal);
    const { type, clock, sink } = this.#deps;
    let dog = guardSilence(clock, silence, watch);
    try {
      for await (const event of watch.events) {
        sink.progress();
        dog.progress();
        const other = take(event);
        if (other !== undefined) dog = dog.replace(other);
      }
    } catch (caught) {
      if (!dog.isSilent()) throw caught;
    } finally {
      dog.stop();
      watch.close();
    }
    if (dog.isSilent()) throw timeoutFailure(`watch ${describeType(type)}`, dog.limit);
  }

  async #open(query: Query, signal: AbortSignal): Promise<OpenWatch> {
    const { client, type, selector, random, sink } = this.#deps;
    const timeoutSeconds = Math.round(240 + random() * 120);
    const bounds = { allowWatchBookmarks: true, timeoutSeconds };
    this.#isOpen = false;
    const watch = await client.watch(type, { ...selector, ...query, ...bounds }, { signal });
    this.#isOpen = true;
    if (query['resourceVersion'] !== undefined) sink.resumed();
    return watch;
  }

  // Servers with the feature off say so; those before it ignore the question and never end their answer.
  #speaksNoWatchList(caught: unknown): boolean {
    if (!(caught instanceof ApiFailure)) return false;
    return caught.kind === 'Invalid' || caught.status === 400 || (caught.kind === 'TimedOut' && this.#isOpen);
  }

  #take(event: WatchEvent): undefined {
    const { sink, type } = this.#deps;
    if (event.type === 'BOOKMARK') {
      this.#version = versionIn(event, type);
      return;
    }
    const object = storedIn(event, type);
    if (event.type === 'DELETED') sink.delete(object);
    else sink.put(object);
    this.#version = object.metadata.resourceVersion;
  }
}

interface SilenceGuard {
  readonly limit: number;
  progress(): void;
  isSilent(): boolean;
  replace(limit: number): SilenceGuard;
  stop(): void;
}

function guardSilence(clock: Clock, limit: number, watch: OpenWatch): SilenceGuard {
  let isSilent = false;
  const dog = new Watchdog(clock, limit, () => {
    isSilent = true;
    watch.giveUp();
  });
  const stop = (): void => dog.stop();
  const replace = (other: number): SilenceGuard => {
    stop();
    return guardSilence(clock, other, watch);
  };
  return { limit, progress: () => dog.progress(), isSilent: () => isSilent, replace, stop };
}

function storedIn({ type: what, object }: WatchEvent, type: ResourceType): StoredObject {
  if (isStoredObject(object)) return object;
  throw malformedFailure(`watch ${describeType(type)}`, `an event ${what} has no object`);
}

function versionIn({ object }: WatchEvent, type: ResourceType): string {
  const { metadata } = object;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  if (typeof version === 'string') return version;
  throw malformedFailure(`watch ${describeType(type)}`, 'a bookmark has no version');
}

function isEndOfInitialEvents({ type, object }: WatchEvent): boolean {
  const { metadata } = object;
  const annotations = type === 'BOOKMARK' && isRecord(metadata) ? metadata['annotations'] : undefined;
  return isRecord(annotations) && annotations['k8s.io/initial-events-end'] === 'true';
}
