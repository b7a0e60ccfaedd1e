import type { HealthCheck, Route, RouteTarget, Service } from '@quiver/dataplane-api';
import type { HealthIr, RouteIr, RouteTargetIr, ServiceIr } from '../ir/fabric-ir.ts';
import * as enums from './enums.ts';

interface Views {
  /** As every node sees it on which none of its endpoints is. */
  readonly elsewhere: Service;
  readonly onNode: ReadonlyMap<string, Service>;
}

/** Services as nodes see them. */
export interface ServiceViews {
  /** By a node that has none of their endpoints. */
  readonly elsewhere: readonly Service[];
  /** By node: the places in that list at which it sees another. */
  readonly onNode: ReadonlyMap<string, ReadonlyMap<number, Service>>;
}

// A service never changes, so equal ones are told once for all nodes and all versions that hold the same object.
const viewsOf = new WeakMap<ServiceIr, Views>();

/** The views of all services: endpoints on a node come first there. */
export function projectServices(services: readonly ServiceIr[]): ServiceViews {
  const onNode = new Map<string, Map<number, Service>>();
  const elsewhere = services.map((service, place) => {
    const views = viewsOf.get(service) ?? makeViews(service);
    viewsOf.set(service, views);
    for (const [node, view] of views.onNode) {
      const own = onNode.get(node) ?? new Map<number, Service>();
      onNode.set(node, own.set(place, view));
    }
    return views.elsewhere;
  });
  return { elsewhere, onNode };
}

function makeViews(service: ServiceIr): Views {
  const nodes = new Set(service.routes.flatMap(({ targets }) => targets.map((target) => target.node)));
  nodes.delete('');
  const onNode = new Map([...nodes].map((node) => [node, viewFrom(service, node)]));
  return { elsewhere: viewFrom(service, ''), onNode };
}

function viewFrom(service: ServiceIr, node: string): Service {
  // Equal targets are shared; beside them, Hunt is told by weights: what has none is used last, in its order. Peers come after
  // targets in either case, and of peers that cost the same each gets its share.
  const hasShared = service.routes.some(({ isShared }) => isShared);
  const isHunting = service.spread === 'Hunt' && hasShared;
  return {
    name: service.name,
    addresses: [...service.addresses],
    ports: service.ports.map(({ protocol, first, last }) => ({ protocol, firstPort: first, lastPort: last })),
    access: service.access.map(({ tenant, action }) => ({ tenant, action: enums.accessAction[action] })),
    scope: enums.scope[service.scope],
    encryption: enums.encryption[service.encryption],
    integrity: enums.integrity[service.integrity],
    idleTimeoutSeconds: service.idleTimeoutSeconds,
    spread: enums.spread[hasShared ? 'Proportional' : service.spread],
    routes: service.routes.map((route) => projectRoute(route, node, isHunting)),
  };
}

function projectRoute(route: RouteIr, node: string, isHunting: boolean): Route {
  return {
    name: route.name,
    peers: route.peers.map(({ router, cost }) => ({ router, cost })),
    targets: route.isShared
      ? projectEndpoints(route.targets, node)
      : route.targets.map((target) => projectTarget(target, isHunting ? 0 : target.weight)),
    maxSessions: route.maxSessions,
    health: route.health === undefined ? undefined : projectHealth(route.health),
  };
}

// While an endpoint on the node takes sessions, those of other nodes stay with weight 0: they get no new session and lose none.
function projectEndpoints(targets: readonly RouteTargetIr[], node: string): RouteTarget[] {
  const isHere = (target: RouteTargetIr) => node !== '' && target.node === node;
  const served = new Set(targets.filter((target) => isHere(target) && !target.isDraining).map(isIpv6));
  return targets.map((target) => {
    if (isHere(target)) return projectTarget(target, target.weight);
    const weight = served.has(isIpv6(target)) ? 0 : target.weight;
    return projectTarget({ ...target, source: 'Node' }, weight);
  });
}

function projectTarget({ address, port, source, isDraining }: RouteTargetIr, weight: number): RouteTarget {
  return { address, port, weight, healthy: !isDraining, source: enums.targetSource[source] };
}

function isIpv6({ address }: RouteTargetIr): boolean {
  return address.includes(':');
}

function projectHealth(health: HealthIr): HealthCheck {
  return {
    probe: enums.healthProbe[health.probe],
    port: health.port,
    path: health.path,
    intervalMs: health.intervalMilliseconds,
    timeoutMs: health.timeoutMilliseconds,
    failures: health.failures,
    successes: health.successes,
  };
}
