import type { Clock, Timer } from '../../clock.ts';
import { fromUnknown } from '../../errors.ts';
import { digestOf } from '../../ir/canonical.ts';
import type { Logger } from '../../logger.ts';
import { backoff } from '../backoff.ts';
import type { ApiClient } from '../client/api-client.ts';
import { ApiFailure } from '../client/api-failure.ts';
import type { KubeObject } from '../client/kube-object.ts';
import { microTime } from '../micro-time.ts';
import { pause } from '../pause.ts';

/** The object that an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid?: string | undefined;
}

export interface Occurrence {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** One word, such as `Programmed`. */
  readonly reason: string;
  readonly message: string;
  /** What was done or tried, one word. */
  readonly action: string;
}

export interface EventRecorderDeps {
  readonly client: ApiClient;
  /** Name of the pod. */
  readonly instance: string;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** The same cause is written at most once in this time. */
const quietTime = 60_000;
/** A cause that did not come back for so long begins a new event. */
const seriesTime = 10 * 60_000;
const maxCauses = 1_000;
const maxWaiting = 500;
const maxMessage = 1_024;
const attempts = 4;
const waits = { first: 1_000, most: 10_000 };

interface Cause {
  /** The event that was written last. */
  written: { readonly name: string; readonly message: string } | undefined;
  /** How often since that event was new. */
  count: number;
  lastAt: number;
  writtenAt: number;
  pending: Occurrence | undefined;
  timer: Timer | undefined;
}

/**
 * Events on objects, for those who look at them with `kubectl describe`. The same reason on the same object is written
 * at most once a minute, with a count. Never throws and never waits for the API server; what cannot be written in time
 * is left out and counted.
 */
export class EventRecorder {
  readonly #deps: EventRecorderDeps;
  readonly #causes = new Map<string, Cause>();
  readonly #waiting: Cause[] = [];
  readonly #ending = new AbortController();
  #writing: Promise<void> | undefined;
  #dropped = 0;
  #serial = 0;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
  }

  /** Events that were left out. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events that are about to be written. */
  get waiting(): number {
    return this.#waiting.length + (this.#writing === undefined ? 0 : 1);
  }

  record(occurrence: Occurrence): void {
    if (this.#ending.signal.aborted) return;
    const now = this.#deps.clock.now();
    const cause = this.#causeOf(occurrence, now);
    cause.count += 1;
    cause.lastAt = now;
    cause.pending = occurrence;
    if (cause.timer !== undefined || this.#waiting.includes(cause)) return;
    const wait = cause.writtenAt + quietTime - now;
    if (wait <= 0) return this.#enqueue(cause);
    cause.timer = this.#deps.clock.after(wait, () => {
      cause.timer = undefined;
      this.#enqueue(cause);
    });
  }

  /** Writes what waits now, and nothing later. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const { timer } of this.#causes.values()) timer?.cancel();
    await this.#writing;
  }

  #causeOf(occurrence: Occurrence, now: number): Cause {
    const key = keyOfCause(occurrence);
    const present = this.#causes.get(key);
    // What happens often moves to the end, so that the oldest is the first.
    this.#causes.delete(key);
    const isOver = present === undefined || (now - present.lastAt > seriesTime && present.pending === undefined);
    const cause = isOver ? newCause() : present;
    this.#causes.set(key, cause);
    if (this.#causes.size > maxCauses) this.#forgetOldest();
    return cause;
  }

  #forgetOldest(): void {
    const oldest = this.#causes.entries().next().value;
    if (oldest === undefined) return;
    const [key, cause] = oldest;
    this.#causes.delete(key);
    if (cause.timer === undefined) return;
    cause.timer.cancel();
    this.#dropped += 1;
  }

  #enqueue(cause: Cause): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(cause);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let cause = this.#waiting.shift(); cause !== undefined; cause = this.#waiting.shift()) {
      const { pending } = cause;
      cause.pending = undefined;
      cause.writtenAt = this.#deps.clock.now();
      if (pending !== undefined) await this.#writeWithPatience(cause, pending);
    }
    this.#writing = undefined;
  }

  async #writeWithPatience(cause: Cause, occurrence: Occurrence): Promise<void> {
    const { clock, random, logger } = this.#deps;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#write(cause, occurrence);
      } catch (caught) {
        const mayRetry = caught instanceof ApiFailure && caught.isRetryable && attempt < attempts;
        if (!mayRetry) {
          this.#dropped += 1;
          return logger.warn('event left out', { event: occurrence.reason, reason: fromUnknown(caught).message });
        }
        await pause(clock, caught.retryAfter ?? backoff(attempt, waits, random), this.#ending.signal);
      }
    }
  }

  async #write(cause: Cause, occurrence: Occurrence): Promise<void> {
    const namespace = occurrence.regarding.namespace ?? 'default';
    const { written, count } = cause;
    // Nothing but the count of an event may change: another message is another event.
    if (written?.message === occurrence.message && (await this.#countUp(namespace, written.name, cause))) return;
    const event = this.#eventOf(occurrence, namespace, cause);
    await this.#deps.client.create(event);
    cause.written = { name: event.metadata.name, message: occurrence.message };
    cause.count -= count - 1;
  }

  /** False: the server has forgotten the event, as it does after an hour. */
  async #countUp(namespace: string, name: string, { count, lastAt }: Cause): Promise<boolean> {
    const series = { count, lastObservedTime: microTime(lastAt) };
    try {
      await this.#deps.client.mergePatch(
        { apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace, name },
        { series },
      );
      return true;
    } catch (caught) {
      if (caught instanceof ApiFailure && caught.isNotFound) return false;
      throw caught;
    }
  }

  #eventOf(occurrence: Occurrence, namespace: string, { lastAt }: Cause): KubeObject {
    const { regarding, type, reason, message, action } = occurrence;
    this.#serial += 1;
    const suffix = digestOf(`${this.#deps.instance} ${lastAt} ${this.#serial}`).slice(0, 16);
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name: `${regarding.name.slice(0, 230)}.${suffix}` },
      eventTime: microTime(lastAt),
      reportingController: 'quiver.dev/operator',
      reportingInstance: this.#deps.instance.slice(0, 128),
      action,
      reason,
      type,
      note: message.length > maxMessage ? `${message.slice(0, maxMessage - 1)}…` : message,
      regarding,
    };
  }
}

function newCause(): Cause {
  return { written: undefined, count: 0, lastAt: 0, writtenAt: -Infinity, pending: undefined, timer: undefined };
}

function keyOfCause({ regarding, type, reason }: Occurrence): string {
  const { apiVersion, kind, namespace = '', name, uid = '' } = regarding;
  return [apiVersion, kind, namespace, name, uid, type, reason].join(' ');
}
