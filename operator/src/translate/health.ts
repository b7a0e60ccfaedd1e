import type { ServiceRoute } from '../api/generated/serviceroute.gen.ts';
import type { HealthIr, RouteTargetIr } from '../ir/fabric-ir.ts';
import { parseMilliseconds } from './duration.ts';
import { problemsOf } from './input.ts';
import type { Outcome } from './problem.ts';

/** How the targets of a route are probed; nothing when the route does not say, or when a probe would have no port. */
export function translateHealth(
  route: ServiceRoute,
  targets: readonly RouteTargetIr[],
): Outcome<{ readonly health?: HealthIr }> {
  const { health } = route.spec;
  // A probe by ICMP is not built, and refused with its route.
  if (health === undefined || health.probe === 'ICMP') return { value: {}, problems: [] };
  const { probe, port = 0, path, interval, timeout, failures, successes } = health;
  const portless = port > 0 ? undefined : targets.find((target) => target.port === 0);
  if (portless !== undefined) {
    const message = `is missing, and target ${portless.address} has no port of its own to probe; add port here or there`;
    return { value: {}, problems: [problemsOf(route)('InvalidObject', 'spec.health.port', message)] };
  }
  const value: HealthIr = {
    probe,
    port,
    path: path ?? (probe === 'HTTP' ? '/' : ''),
    intervalMilliseconds: parseMilliseconds(interval) ?? 5000,
    timeoutMilliseconds: parseMilliseconds(timeout) ?? 2000,
    failures,
    successes,
  };
  return { value: { health: value }, problems: [] };
}
