import type {
  CaptureSummary,
  Dump,
  DumpRequest,
  ExplainRequest,
  Explanation,
  NodeConfig,
  Rejected,
  SecretMaterial,
  Telemetry,
} from '@quiver/dataplane-api';

/** What to capture, where to, and for how long. */
export interface CaptureOrder {
  /** File to write. */
  readonly path: string;
  /** Only packets from or to this address. */
  readonly address?: string;
  /** Only packets from or to this port. */
  readonly port?: number;
  /** Packets after which it ends; 0 = no limit. */
  readonly maxPackets: number;
  /** Seconds after which it ends. */
  readonly maxSeconds: number;
}

/** A running engine, as the agent needs it. Every call but `stop` rejects with an `EngineFault` when it fails. */
export interface EngineHandle {
  /** Brings a configuration into force, or answers why not; then the former one goes on. */
  applyConfig(config: NodeConfig, secrets: readonly SecretMaterial[]): Promise<readonly Rejected[]>;
  /** Events since the last call, counters and standing notices. */
  drainTelemetry(): Promise<Telemetry>;
  dump(request: DumpRequest): Promise<Dump>;
  explain(request: ExplainRequest): Promise<Explanation>;
  /** Resolves when the capture has ended and its file is whole. */
  capture(order: CaptureOrder): Promise<CaptureSummary>;
  /** Ends the running capture before its limits; without one nothing happens. */
  endCapture(): Promise<void>;
  /** Removes everything that the engine made, or leaves the device with its rules so that nothing leaks until the next start. */
  stop(keepDevice: boolean): Promise<void>;
}
