import { writeFile } from 'node:fs/promises';
import {
  type CaptureSummary,
  Counters,
  type Dump,
  type DumpRequest,
  type Event,
  type ExplainRequest,
  Explanation,
  type NodeConfig,
  type Rejected,
  type SecretMaterial,
  type Session,
  Telemetry,
} from '@quiver/dataplane-api';
import type { CaptureOrder, EngineHandle } from '../engine/engine-handle.ts';

/** An engine without packets: it remembers what it was told and answers what a test says. */
export class FakeEngine implements EngineHandle {
  readonly applied: { readonly config: NodeConfig; readonly secrets: readonly SecretMaterial[] }[] = [];
  readonly captures: CaptureOrder[] = [];
  readonly dumps: DumpRequest[] = [];
  readonly explained: ExplainRequest[] = [];
  readonly stops: boolean[] = [];
  /** Answers to the next configurations, first to last; without one, it is taken. */
  readonly verdicts: (readonly Rejected[] | Error)[] = [];
  counters = Counters.create();
  notices: string[] = [];
  events: Event[] = [];
  sessions: Session[] = [];
  explanation = Explanation.create();
  captured: Buffer = Buffer.from('pcapng');
  /** Captures end by order only. */
  capturesUntilEnded = false;
  failure: Error | undefined;
  readonly #captureEnded = Promise.withResolvers<void>();
  #wake = Promise.withResolvers<void>();

  /** Resolves when a capture was ended by order. */
  get captureEnded(): Promise<void> {
    return this.#captureEnded.promise;
  }

  get config(): NodeConfig | undefined {
    return this.applied.at(-1)?.config;
  }

  /** Resolves when the configuration in force is what a test waits for. */
  async inForce(fits: (config: NodeConfig) => boolean): Promise<NodeConfig> {
    while (this.config === undefined || !fits(this.config)) await this.#wake.promise;
    return this.config;
  }

  applyConfig(config: NodeConfig, secrets: readonly SecretMaterial[]): Promise<readonly Rejected[]> {
    const verdict = this.verdicts.shift() ?? [];
    if (verdict instanceof Error) return Promise.reject(verdict);
    if (verdict.length === 0) this.applied.push({ config, secrets });
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
    return Promise.resolve(verdict);
  }

  drainTelemetry(): Promise<Telemetry> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const events = this.events.splice(0);
    return Promise.resolve(Telemetry.create({ counters: this.counters, notices: this.notices, events }));
  }

  dump(request: DumpRequest): Promise<Dump> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.dumps.push(request);
    const sessions = this.sessions.filter(({ service }) => request.service === '' || service === request.service);
    return Promise.resolve({ sessions, omitted: 0n });
  }

  explain(request: ExplainRequest): Promise<Explanation> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.explained.push(request);
    return Promise.resolve(this.explanation);
  }

  async capture(order: CaptureOrder): Promise<CaptureSummary> {
    if (this.failure !== undefined) throw this.failure;
    this.captures.push(order);
    await writeFile(order.path, this.captured);
    if (this.capturesUntilEnded) await this.#captureEnded.promise;
    return { packets: 3n, missed: 1n };
  }

  endCapture(): Promise<void> {
    this.#captureEnded.resolve();
    return Promise.resolve();
  }

  stop(keepDevice: boolean): Promise<void> {
    this.stops.push(keepDevice);
    return Promise.resolve();
  }
}
