import type { NodeConfig, Rejected } from '@quiver/dataplane-api';
import { EngineFault } from '@quiver/engine';
import type { Clock, Timer } from '../clock.ts';
import type { EngineHandle } from '../engine/engine-handle.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Candidate } from './candidate.ts';

/** How a candidate ended. A fault is the machine's and is tried again; a rejection is final. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly reasons: readonly Rejected[] }
  | { readonly kind: 'fault'; readonly reasons: readonly Rejected[]; readonly fault: unknown };

export interface ConfigurationDeps {
  readonly engine: Pick<EngineHandle, 'applyConfig'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the agent changes in a configuration before the engine gets it. */
  readonly adapt: (config: NodeConfig) => NodeConfig;
  /** The engine has this configuration, adapted. */
  readonly applied: (config: NodeConfig) => void;
  /** Called once for each candidate that was tried, in order, before the next one is. */
  readonly settled: (candidate: Candidate, verdict: Verdict) => Promise<void>;
}

interface InForce {
  readonly candidate: Candidate;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

interface Refused {
  readonly version: bigint;
  readonly reasons: readonly Rejected[];
}

const retryMilliseconds = 5_000;

/** Brings configurations to the engine, one at a time; of those that wait only the newest. */
export class Configuration {
  readonly #deps: ConfigurationDeps;
  #inForce: InForce | undefined;
  #refused: Refused | undefined;
  #rejections = 0;
  #next: Candidate | undefined;
  #isChanged = false;
  #working: Promise<void> | undefined;
  #isWorking = false;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(deps: ConfigurationDeps) {
    this.#deps = deps;
  }

  get inForce(): InForce | undefined {
    return this.#inForce;
  }

  /** The newer configuration that was not taken, until one is. */
  get refused(): Refused | undefined {
    return this.#refused;
  }

  /** How many candidates were not taken. */
  get rejections(): number {
    return this.#rejections;
  }

  offer(candidate: Candidate): void {
    this.#retry?.cancel();
    this.#next = candidate;
    this.#work();
  }

  /** The adaptation changed: what is in force is applied anew. */
  refresh(): void {
    this.#isChanged = true;
    this.#work();
  }

  /** A candidate is not taken. */
  noteRefused(version: bigint, reasons: readonly Rejected[]): void {
    this.#rejections += 1;
    this.#refused = { version, reasons };
  }

  /** Waits for what is being applied, and takes nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#working;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#working;
  }

  #work(): void {
    if (this.#isWorking || this.#isClosed) return;
    this.#isWorking = true;
    this.#working = this.#drainQueue();
  }

  async #drainQueue(): Promise<void> {
    try {
      while (!this.#isClosed && (this.#next !== undefined || this.#isChanged)) {
        const candidate = this.#next;
        this.#next = undefined;
        this.#isChanged = false;
        if (candidate !== undefined) await this.#take(candidate);
        else await this.#applyAgain();
      }
    } finally {
      // In the same turn as the last look at the queue: what comes next begins anew.
      this.#isWorking = false;
    }
  }

  async #take(candidate: Candidate): Promise<void> {
    // What is in force already needs the engine not again: a new leader says it under its own epoch.
    const isInForce = candidate.digest !== '' && candidate.digest === this.#inForce?.candidate.digest;
    const verdict: Verdict = isInForce ? { kind: 'accepted' } : await this.#try(candidate);
    if (verdict.kind === 'accepted') {
      const since = isInForce ? this.#inForce?.since : undefined;
      this.#inForce = { candidate, since: since ?? this.#deps.clock.now() };
      this.#refused = undefined;
    } else {
      this.noteRefused(candidate.version, verdict.reasons);
    }
    if (verdict.kind === 'fault') this.#later(() => this.offer(candidate));
    await this.#deps.settled(candidate, verdict);
  }

  async #applyAgain(): Promise<void> {
    if (this.#inForce === undefined) return;
    const verdict = await this.#try(this.#inForce.candidate);
    if (verdict.kind === 'accepted') return;
    const [first] = verdict.reasons;
    this.#deps.logger.error('the engine refused addresses of pods or the health of targets', {
      code: first?.code,
      reason: first?.message,
    });
    this.#later(() => this.refresh());
  }

  async #try({ config, secrets }: Candidate): Promise<Verdict> {
    try {
      const adapted = this.#deps.adapt(config);
      const reasons = await this.#deps.engine.applyConfig(adapted, secrets.reveal());
      if (reasons.length > 0) return { kind: 'rejected', reasons };
      this.#deps.applied(adapted);
      return { kind: 'accepted' };
    } catch (caught) {
      const code = caught instanceof EngineFault ? caught.code : 'EngineFailed';
      return { kind: 'fault', fault: caught, reasons: [{ code, field: '', message: messageOf(caught) }] };
    }
  }

  #later(run: () => void): void {
    if (!this.#isClosed) this.#retry = this.#deps.clock.after(retryMilliseconds, run);
  }
}
