import type { DropCount, NodeConfig, OperatorView, StatusResponse } from '@quiver/dataplane-api';
import { describeStatus, staleMilliseconds } from './admin/status.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { Clock } from './clock.ts';
import type { CniService } from './cni/cni-service.ts';
import type { Configuration } from './config/configuration.ts';
import type { ConfigStream } from './config-stream/client.ts';
import type { TelemetryDrain } from './telemetry/drain.ts';
import { Metrics } from './telemetry/metrics.ts';
import { targetsOf } from './telemetry/report.ts';

export interface NodeViewDeps {
  readonly settings: AgentSettings;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly stream: ConfigStream;
  readonly drain: TelemetryDrain;
  /** The configuration with the health of its targets. */
  readonly adapt: (config: NodeConfig) => NodeConfig;
  readonly cni: CniService | undefined;
  readonly notReady: () => string;
  readonly operatorView: () => OperatorView | undefined;
}

/** Puts together what a node shows of itself. */
export class NodeView {
  readonly #deps: NodeViewDeps;
  readonly #metrics = new Metrics();

  constructor(deps: NodeViewDeps) {
    this.#deps = deps;
  }

  /** The configuration in force as the engine has it: with the health of its targets. */
  configInEngine(): NodeConfig | undefined {
    const config = this.#deps.configuration.inForce?.candidate.config;
    return config === undefined ? undefined : this.#deps.adapt(config);
  }

  async status(): Promise<StatusResponse> {
    const { settings, startedAt, clock, configuration, stream, drain, cni, notReady, operatorView } = this.#deps;
    await drain.refresh();
    const now = clock.now();
    return describeStatus({
      settings,
      uptimeMs: now - startedAt,
      now,
      isReady: notReady() === '',
      inForce: configuration.inForce,
      refused: configuration.refused,
      link: stream.state,
      counters: drain.counters,
      targets: targetsOf(drain.counters, this.configInEngine()),
      notices: [...drain.notices, ...(cni?.notices ?? [])],
      operatorView: operatorView(),
    });
  }

  async drops(): Promise<readonly DropCount[]> {
    await this.#deps.drain.refresh();
    return this.#deps.drain.counters.drops;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { settings, clock, configuration, stream, drain, cni, notReady } = this.#deps;
    await drain.refresh();
    const { version, router, node } = settings;
    const { inForce, rejections } = configuration;
    const link = stream.state;
    const text = await this.#metrics.text({
      version,
      router,
      node,
      counters: drain.counters,
      eventsLost: drain.eventsLost,
      targets: targetsOf(drain.counters, this.configInEngine()),
      config: {
        version: inForce?.candidate.version ?? 0n,
        ageSeconds: staleMilliseconds({ inForce, link, now: clock.now() }) / 1000,
        isStale: inForce !== undefined && !link.isConnected,
        rejections,
      },
      isConnected: link.isConnected,
      isReady: notReady() === '',
      cni: cni?.counts,
    });
    return { contentType: this.#metrics.contentType, text };
  }
}
