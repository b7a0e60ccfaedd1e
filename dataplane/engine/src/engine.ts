import {
  type CaptureSummary,
  Dump,
  DumpRequest,
  ExplainRequest,
  Explanation,
  type NodeConfig,
  type Rejected,
  type SecretMaterial,
  Snapshot,
  Telemetry,
} from '@quiver/dataplane-api';
import type {
  Binding,
  BindingAnswer,
  BindingCaptureOptions,
  BindingRefusal,
  BindingRouter,
  BindingStartOptions,
} from './binding.ts';
import { faultOf } from './engine-fault.ts';

export type StartOptions = BindingStartOptions;
export type CaptureOptions = BindingCaptureOptions;

/** A running engine. Calls reject with an EngineFault. */
export class Engine {
  readonly #binding: Binding;
  readonly #router: BindingRouter;

  private constructor(binding: Binding, router: BindingRouter) {
    this.#binding = binding;
    this.#router = router;
  }

  /** Makes the device, or takes over the one a former process left, and starts the workers. They wait for a configuration. */
  static async start(binding: Binding, options: StartOptions = {}): Promise<Engine> {
    const { router, refusals } = await binding.start(options);
    if (router === undefined) throw faultOf(refusals);
    return new Engine(binding, router);
  }

  /** Brings a configuration into force (no reasons), or says what is wrong with it; then the former one goes on. */
  async applyConfig(config: NodeConfig, secrets: readonly SecretMaterial[]): Promise<readonly Rejected[]> {
    const snapshot = Snapshot.create({ config, secrets: [...secrets] });
    const answer = await this.#binding.applyConfig(this.#router, bytes(Snapshot.encode(snapshot).finish()));
    const rejected = answer.refusals.flatMap(rejection);
    if (answer.bytes === undefined && rejected.length === 0) throw faultOf(answer.refusals);
    return rejected;
  }

  /** Events since the last call, counters and standing notices. */
  async drainTelemetry(): Promise<Telemetry> {
    return Telemetry.decode(message(await this.#binding.drainTelemetry(this.#router)));
  }

  /** Live sessions that match. */
  async dump(request: DumpRequest): Promise<Dump> {
    const answer = await this.#binding.dump(this.#router, bytes(DumpRequest.encode(request).finish()));
    return Dump.decode(message(answer));
  }

  /** What would happen to a conversation, step by step. */
  async explain(request: ExplainRequest): Promise<Explanation> {
    const answer = await this.#binding.explain(this.#router, bytes(ExplainRequest.encode(request).finish()));
    return Explanation.decode(message(answer));
  }

  /** Captures into a pcapng file; resolves when the capture has ended and the file is whole. */
  async capture(options: CaptureOptions): Promise<CaptureSummary> {
    const { packets, missed, refusals } = await this.#binding.capture(this.#router, options);
    if (refusals.length > 0) throw faultOf(refusals);
    return { packets: BigInt(packets), missed: BigInt(missed) };
  }

  /** Ends the running capture before its limits, so that `capture` resolves; without one nothing happens. */
  async endCapture(): Promise<void> {
    message(await this.#binding.endCapture(this.#router));
  }

  /** Removes everything the engine made; or leaves the device with its rules and routes, so that nothing leaks until the next start. */
  async stop(keepDevice: boolean): Promise<void> {
    message(await this.#binding.stop(this.#router, keepDevice));
  }
}

function message(answer: BindingAnswer): Buffer {
  if (answer.bytes === undefined) throw faultOf(answer.refusals);
  return answer.bytes;
}

function rejection({ code, field, message: text }: BindingRefusal): Rejected[] {
  return field === undefined ? [] : [{ code, field, message: text }];
}

function bytes(array: Uint8Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
