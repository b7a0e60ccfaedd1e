import { type HealthCheck, HealthProbe, type NodeConfig, type RouteTarget } from '@quiver/dataplane-api';
import type { Clock, Timer } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Probe, ProbeOrder } from './probe.ts';
import { TargetHealth } from './target-health.ts';

export interface ProberDeps {
  readonly probe: Probe;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A target became healthy, or is not any more. */
  readonly changed: () => void;
}

interface Watched {
  readonly order: ProbeOrder;
  readonly health: TargetHealth;
  readonly timer: Timer;
  isBusy: boolean;
}

/** Probes the targets of every route that asks for it. What it finds outlives a configuration that keeps the target. */
export class Prober {
  readonly #deps: ProberDeps;
  readonly #watched = new Map<string, Watched>();

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  /** Probes what this configuration asks for, and nothing else. */
  follow(config: NodeConfig): void {
    const wanted = new Map(checksOf(config).map((check) => [keyOf(check), check]));
    for (const [key, watched] of this.#watched) {
      if (wanted.has(key)) continue;
      watched.timer.cancel();
      this.#watched.delete(key);
    }
    for (const [key, check] of wanted) if (!this.#watched.has(key)) this.#watch(key, check);
  }

  /** The configuration with what is known of its targets. */
  adapt(config: NodeConfig): NodeConfig {
    if (this.#watched.size === 0) return config;
    const services = config.services.map((service) => ({
      ...service,
      routes: service.routes.map((route) => ({
        ...route,
        targets: route.targets.map((target) => ({
          ...target,
          healthy: target.healthy && this.#isHealthy(route.name, target, route.health),
        })),
      })),
    }));
    return { ...config, services };
  }

  stop(): void {
    for (const { timer } of this.#watched.values()) timer.cancel();
    this.#watched.clear();
  }

  #isHealthy(route: string, target: RouteTarget, health: HealthCheck | undefined): boolean {
    if (health === undefined) return true;
    return this.#watched.get(keyOf({ route, target, health }))?.health.isHealthy ?? true;
  }

  #watch(key: string, check: Check): void {
    const { route, target, health } = check;
    const intervalMs = Math.max(health.intervalMs, 100);
    const watched: Watched = {
      order: orderOf(check),
      health: new TargetHealth(health),
      timer: this.#deps.clock.every(intervalMs, () => void this.#ask(route, target, watched)),
      isBusy: false,
    };
    this.#watched.set(key, watched);
    void this.#ask(route, target, watched);
  }

  async #ask(route: string, target: RouteTarget, watched: Watched): Promise<void> {
    // A target that takes longer than the interval is asked once at a time.
    if (watched.isBusy) return;
    watched.isBusy = true;
    const isAnswered = await this.#deps.probe(watched.order).catch(() => false);
    watched.isBusy = false;
    const isStillWatched = [...this.#watched.values()].includes(watched);
    if (!isStillWatched || !watched.health.note(isAnswered)) return;
    const fields = { route, target: `${target.address} port ${watched.order.port}` };
    if (isAnswered) this.#deps.logger.info('target is healthy again', fields);
    else this.#deps.logger.warn('target does not answer its health check', fields);
    this.#deps.changed();
  }
}

interface Check {
  readonly route: string;
  readonly target: RouteTarget;
  readonly health: HealthCheck;
}

function checksOf({ services }: NodeConfig): readonly Check[] {
  const routes = services.flatMap((service) => service.routes);
  return routes.flatMap(({ name, targets, health }) => {
    if (health === undefined) return [];
    return targets.map((target) => ({ route: name, target, health })).filter((check) => orderOf(check).port !== 0);
  });
}

function orderOf({ target, health }: Check): ProbeOrder {
  return {
    kind: health.probe === HealthProbe.HEALTH_PROBE_HTTP ? 'HTTP' : 'TCP',
    address: target.address,
    port: health.port === 0 ? target.port : health.port,
    path: health.path,
    timeoutMs: Math.max(health.timeoutMs, 1),
  };
}

function keyOf({ route, target, health }: Check): string {
  return JSON.stringify([route, target.address, target.port, health]);
}
