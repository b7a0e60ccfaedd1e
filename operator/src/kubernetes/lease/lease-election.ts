import type { Clock, Timer } from '../../clock.ts';
import { fromUnknown, QuiverError } from '../../errors.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { Logger } from '../../logger.ts';
import type { ApiClient } from '../client/api-client.ts';
import { ApiFailure } from '../client/api-failure.ts';
import type { KubeObject } from '../client/kube-object.ts';
import { pause } from '../pause.ts';
import {
  type Annotations,
  epochAnnotation,
  type LeaseName,
  type LeaseRecord,
  newLease,
  nextEpoch,
  readLease,
  releasedLease,
  renewedLease,
  retireAnnotation,
  takenLease,
} from './lease-record.ts';

export interface LeaseElectionDeps {
  readonly client: ApiClient;
  readonly lease: LeaseName;
  /** Ours alone among all that ever ran at once: name and uid of the pod. */
  readonly identity: string;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** Told in this order: `won` once, `observed` at once and with each change, at last `lost` unless it was released. */
export interface LeaseEvents {
  won(epoch: bigint): void;
  /** The annotations of the lease while we hold it. */
  observed(annotations: Annotations): void;
  /** We may not act any more, for ever: the process shall end. */
  lost(reason: string): void;
}

/** Milliseconds between two looks, and up to a fifth more. */
const retryEvery = 2_000;
/** Milliseconds after the last renewal at which we stop, well before others may begin. */
const renewDeadline = 10_000;
const callLimit = 5_000;
const releaseLimit = 3_000;

/** Why leading ends when somebody removed the lease, as a retirement does at its end. */
export const leaseDeleted = 'the lease was deleted';

interface Wish {
  readonly changes: Readonly<Record<string, string | undefined>>;
  resolve(): void;
  reject(reason: QuiverError): void;
}

/**
 * Takes part in the election of one leader. Whether a holder is gone is judged by how long its lease did not change
 * here, never by the clock of another machine.
 */
export class LeaseElection {
  readonly #deps: LeaseElectionDeps;
  readonly #ending = new AbortController();
  #events: LeaseEvents | undefined;
  #running: Promise<void> | undefined;
  #seen: { readonly version: string; readonly at: number } | undefined;
  #held: LeaseRecord | undefined;
  #holder = '';
  #isRetiring = false;
  #observed = '';
  #wishes: Wish[] = [];
  #deadline: Timer | undefined;
  #wake = new AbortController();

  constructor(deps: LeaseElectionDeps) {
    this.#deps = deps;
  }

  get isLeader(): boolean {
    return this.#held !== undefined;
  }

  /** Who holds the lease, as far as was seen; empty: nobody. */
  get holder(): string {
    return this.#holder;
  }

  /** Begins to take part. */
  run(events: LeaseEvents): void {
    this.#events = events;
    this.#running ??= this.#run();
  }

  /**
   * Writes annotations of the lease with the next renewal, which is brought forward; undefined removes one.
   * Rejects when we do not lead, or cease to before it was written.
   */
  annotate(changes: Wish['changes']): Promise<void> {
    if (this.#held === undefined) return Promise.reject(lostError('we do not lead'));
    return new Promise((resolve, reject) => {
      this.#wishes.push({ changes, resolve, reject });
      this.#wake.abort();
    });
  }

  /** Gives the lease back, if we hold it, and takes part no longer. Never rejects. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#end('released');
    await this.#running;
    if (held === undefined) return;
    const { client, clock, lease, identity, logger } = this.#deps;
    try {
      const now = await client.get(leaseRef(lease), { limit: releaseLimit });
      const record = now === undefined ? undefined : readLease(now);
      if (record?.holder === identity)
        await client.replace(releasedLease(record, clock.now()), { limit: releaseLimit });
    } catch (caught) {
      logger.warn('the lease was not given back and expires by itself', { reason: fromUnknown(caught).message });
    }
  }

  async #run(): Promise<void> {
    const { clock, random, logger } = this.#deps;
    while (!this.#ending.signal.aborted) {
      this.#wake = new AbortController();
      try {
        if (this.#held === undefined) await this.#tryToTake();
        else await this.#renew(this.#held);
      } catch (caught) {
        if (!this.#ending.signal.aborted) logger.warn('lease', { reason: fromUnknown(caught).message });
      }
      const wait = retryEvery * (1 + random() / 5);
      await pause(clock, wait, AbortSignal.any([this.#wake.signal, this.#ending.signal]));
    }
  }

  async #tryToTake(): Promise<void> {
    const { clock, lease, identity } = this.#deps;
    const began = clock.now();
    const record = await this.#read();
    this.#holder = record?.holder ?? '';
    // Who takes Quiver away deletes the lease last: made anew, it would bring the nodes back.
    if (record === undefined ? this.#isRetiring : !this.#mayTake(record)) return;
    const epoch = nextEpoch(record?.annotations ?? {}, clock.now());
    const annotations = { ...record?.annotations, [epochAnnotation]: String(epoch) };
    const wanted =
      record === undefined
        ? newLease(lease, identity, annotations, clock.now())
        : takenLease(record, identity, annotations, clock.now());
    const taken = await this.#write(wanted, record === undefined);
    if (taken !== undefined && !this.#ending.signal.aborted) this.#won(taken, epoch, began);
  }

  #mayTake({ object, holder, duration }: LeaseRecord): boolean {
    const { clock, identity } = this.#deps;
    const version = object.metadata.resourceVersion;
    if (this.#seen?.version !== version) this.#seen = { version, at: clock.now() };
    return holder === '' || holder === identity || clock.now() - this.#seen.at >= duration;
  }

  #won(record: LeaseRecord, epoch: bigint, began: number): void {
    this.#deps.logger.info('leading', { epoch: String(epoch) });
    this.#renewed(record, began);
    this.#events?.won(epoch);
    this.#observe(record.annotations);
  }

  async #renew(held: LeaseRecord): Promise<void> {
    const { clock, identity } = this.#deps;
    // A copy: what is wished for during the call is not written by it.
    const wishes = [...this.#wishes];
    let record: LeaseRecord | undefined = held;
    for (let attempt = 0; attempt < 4 && record !== undefined; attempt += 1) {
      const began = clock.now();
      const written = await this.#write(renewedLease(record, merged(record.annotations, wishes), began), false);
      if (written !== undefined) return this.#kept(written, wishes, began);
      record = await this.#read();
      if (record === undefined) return this.#lose(leaseDeleted);
      if (record.holder !== identity) return this.#lose(`the lease was taken by ${record.holder || 'nobody'}`);
    }
  }

  #kept(record: LeaseRecord, wishes: readonly Wish[], began: number): void {
    if (this.#ending.signal.aborted) return;
    this.#renewed(record, began);
    this.#wishes = this.#wishes.filter((wish) => !wishes.includes(wish));
    if (this.#wishes.length > 0) this.#wake.abort();
    for (const wish of wishes) wish.resolve();
    this.#observe(record.annotations);
  }

  /** What was written; undefined when it rested on something old. */
  async #write(object: KubeObject, isNew: boolean): Promise<LeaseRecord | undefined> {
    const { client } = this.#deps;
    const options = { limit: callLimit, signal: this.#ending.signal };
    try {
      return readLease(isNew ? await client.create(object, options) : await client.replace(object, options));
    } catch (caught) {
      if (caught instanceof ApiFailure && (caught.isConflict || caught.isAlreadyExists || caught.isNotFound))
        return undefined;
      throw caught;
    }
  }

  async #read(): Promise<LeaseRecord | undefined> {
    const options = { limit: callLimit, signal: this.#ending.signal };
    const object = await this.#deps.client.get(leaseRef(this.#deps.lease), options);
    if (object === undefined) return undefined;
    const record = readLease(object);
    this.#isRetiring = record.annotations[retireAnnotation] !== undefined;
    return record;
  }

  #renewed(record: LeaseRecord, began: number): void {
    const { clock, identity } = this.#deps;
    this.#held = record;
    this.#holder = identity;
    this.#deadline?.cancel();
    // Counted from before the call: others may have seen it at any time since.
    const left = Math.max(0, began + renewDeadline - clock.now());
    this.#deadline = clock.after(left, () => this.#lose(`no renewal within ${renewDeadline / 1000} s`));
  }

  #observe(annotations: Annotations): void {
    const text = canonicalJson(annotations);
    if (text === this.#observed || this.#ending.signal.aborted) return;
    this.#observed = text;
    this.#events?.observed(annotations);
  }

  #lose(reason: string): void {
    if (this.#ending.signal.aborted) return;
    this.#deps.logger.error('leading no longer', { reason });
    this.#end(reason);
    this.#events?.lost(reason);
  }

  #end(reason: string): void {
    this.#held = undefined;
    this.#deadline?.cancel();
    this.#ending.abort();
    for (const wish of this.#wishes.splice(0)) wish.reject(lostError(reason));
  }
}

function leaseRef({ namespace, name }: LeaseName): {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
} {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name };
}

function merged(annotations: Annotations, wishes: readonly Wish[]): Annotations {
  const all = new Map<string, string | undefined>(Object.entries(annotations));
  for (const { changes } of wishes) for (const [name, value] of Object.entries(changes)) all.set(name, value);
  const kept = [...all].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(kept);
}

function lostError(reason: string): QuiverError {
  return new QuiverError('LeadershipLost', reason);
}
