import type { SvrService as Service } from '../api/generated/service.gen.ts';
import type { ServiceRoute } from '../api/generated/serviceroute.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { PeerIr, RouteIr, RoutePeerIr, RouteTargetIr, TargetSourceName } from '../ir/fabric-ir.ts';
import { type Family, formatAddress, hostPrefix, parseAddress, parsePrefix } from '../ir/prefix.ts';
import { translateHealth } from './health.ts';
import { fullName, problemsOf } from './input.ts';
import type { CoreServices } from './kubernetes/core-services.ts';
import { type EndpointContext, translateEndpoints } from './kubernetes/endpoints.ts';
import type { Memory } from './memory.ts';
import type { Outcome, Problem } from './problem.ts';
import type { ReservedAddresses } from './reserved.ts';
import type { UnroutedService } from './services.ts';

/** What a route needs to know of its surroundings. */
export interface RouteContext {
  /** Accepted services, by full name. */
  readonly services: ReadonlyMap<string, UnroutedService>;
  /** Full names of all services, accepted or not. */
  readonly declaredServices: ReadonlySet<string>;
  /** What each service says about the source that its servers see. */
  readonly sources: ReadonlyMap<string, Service['spec']['sourceAddress']>;
  /** Accepted peers, by the names of their objects. */
  readonly peers: ReadonlyMap<string, PeerIr>;
  /** Names of all Peer objects, accepted or not. */
  readonly declaredPeers: ReadonlySet<string>;
  /** Addresses that no server can have. */
  readonly reserved: ReservedAddresses;
  readonly coreServices: CoreServices;
  readonly returnFamilies: ReadonlySet<Family>;
  readonly memory: Memory;
}

/** A route and the full name of the service it belongs to. */
export interface OwnedRoute {
  readonly service: string;
  readonly route: RouteIr;
}

/** Service routes whose references hold; a way that cannot be used is left out of its route. */
export function translateServiceRoutes(
  routes: readonly ServiceRoute[],
  context: RouteContext,
): Outcome<readonly OwnedRoute[]> {
  const results = sortedBy(routes, fullName).map((route) =>
    context.memory.recall(route, 'route', partsOf(route, context), () => translateRoute(route, context)),
  );
  return { value: results.flatMap(({ value }) => value), problems: results.flatMap(({ problems }) => problems) };
}

// Everything that a route is made of.
function partsOf({ metadata, spec }: ServiceRoute, context: RouteContext): readonly unknown[] {
  const { namespace = 'default' } = metadata;
  const owner = `${namespace}/${spec.service}`;
  const service = [context.services.get(owner), context.declaredServices.has(owner), context.sources.get(owner)];
  const names = (spec.peers ?? []).map(({ name }) => name);
  const peers = names.flatMap((name) => [context.peers.get(name), context.declaredPeers.has(name)]);
  const core = `${namespace}/${spec.endpoints?.service}`;
  const endpoints = [context.coreServices.get(core), ...context.coreServices.slicesOf(core)];
  return [context.reserved, context.returnFamilies, ...service, ...peers, ...endpoints];
}

function translateRoute(route: ServiceRoute, context: RouteContext): Outcome<readonly OwnedRoute[]> {
  const { spec } = route;
  const owner = `${route.metadata.namespace ?? 'default'}/${spec.service}`;
  const service = context.services.get(owner);
  const missing = service === undefined ? [serviceProblem(route, owner, context)] : [];
  const peers = translateRoutePeers(route, context);
  const listed = translateTargets(route, service, context);
  const endpoints = translateEndpoints(route, endpointContext(service, owner, context));
  const targets = endpoints.value ?? listed.value;
  const health = translateHealth(route, targets);
  const steps = [peers, listed, endpoints, health];
  const problems = [...missing, ...shapeProblems(route), ...steps.flatMap((step) => step.problems)];
  const isShared = endpoints.value !== undefined;
  const isUsable = isShared ? spec.peers === undefined : peers.value.length > 0 !== targets.length > 0;
  if (service === undefined || !isUsable) return { value: [], problems };
  const value: RouteIr = {
    name: fullName(route),
    peers: peers.value,
    targets,
    maxSessions: spec.capacity?.maxSessions ?? 0,
    isShared,
    ...health.value,
  };
  return { value: [{ service: owner, route: value }], problems };
}

function endpointContext(
  service: UnroutedService | undefined,
  owner: string,
  { coreServices, sources, returnFamilies, reserved }: RouteContext,
): EndpointContext {
  const own = (service?.addresses ?? []).flatMap((prefix) => parsePrefix(prefix)?.family ?? []);
  const families = own.length === 0 ? returnFamilies : new Set(own.filter((family) => returnFamilies.has(family)));
  return { coreServices, ports: service?.ports ?? [], source: sources.get(owner), families, reserved };
}

function serviceProblem(route: ServiceRoute, owner: string, { declaredServices }: RouteContext): Problem {
  const problem = problemsOf(route);
  const isDeclared = declaredServices.has(owner);
  if (isDeclared)
    return problem('ReferenceNotAccepted', 'spec.service', `Service ${owner} is not accepted; see its own conditions`);
  return problem('UnknownService', 'spec.service', `there is no Service ${owner}; create it or correct the name`);
}

function shapeProblems(route: ServiceRoute): readonly Problem[] {
  const { peers, endpoints, targets } = route.spec;
  const ways = [peers, endpoints, targets].filter((way) => way !== undefined).length;
  const isEmpty = peers?.length === 0 || targets?.length === 0;
  if (ways === 1 && !isEmpty) return [];
  const message = 'give exactly one of peers, endpoints and targets, with at least one entry';
  return [problemsOf(route)('InvalidObject', 'spec', message)];
}

function translateRoutePeers(route: ServiceRoute, context: RouteContext): Outcome<readonly RoutePeerIr[]> {
  const problem = problemsOf(route);
  const problems: Problem[] = [];
  const value = new Map<string, RoutePeerIr>();
  (route.spec.peers ?? []).forEach(({ name, cost }, index) => {
    const field = `spec.peers[${index}].name`;
    const peer = context.peers.get(name);
    if (peer === undefined) problems.push(unknownPeer(route, field, name, context));
    else if (value.has(peer.router))
      problems.push(problem('InvalidObject', field, `Peer ${name} is in the list already; remove one`));
    else value.set(peer.router, { router: peer.router, cost });
  });
  return { value: sortedBy(value.values(), ({ router }) => router), problems };
}

function unknownPeer(route: ServiceRoute, field: string, name: string, { declaredPeers }: RouteContext): Problem {
  const problem = problemsOf(route);
  if (declaredPeers.has(name))
    return problem('ReferenceNotAccepted', field, `Peer ${name} is not accepted; see its own conditions`);
  return problem('UnknownPeer', field, `there is no Peer ${name}; create it or correct the name`);
}

// Targets stay in the user's order: Hunt fills the first, then the next.
function translateTargets(
  route: ServiceRoute,
  service: UnroutedService | undefined,
  { sources, reserved }: RouteContext,
): Outcome<readonly RouteTargetIr[]> {
  const source = sourceOf(sources.get(service?.name ?? ''));
  const problems: Problem[] = [];
  const value = new Map<string, RouteTargetIr>();
  (route.spec.targets ?? []).forEach((target, index) => {
    const field = `spec.targets[${index}]`;
    const { port = 0, weight } = target;
    const address = parseAddress(target.address);
    const problem = targetProblem(route, `${field}.address`, target.address, { service, reserved });
    const key = `${address === undefined ? '' : formatAddress(address)} ${port}`;
    if (problem !== undefined) problems.push(problem);
    else if (value.has(key))
      problems.push(problemsOf(route)('InvalidObject', field, `${target.address} is in the list already; remove one`));
    else if (address !== undefined)
      value.set(key, { address: formatAddress(address), port, weight, source, node: '', isDraining: false });
  });
  return { value: [...value.values()], problems };
}

interface TargetSurroundings {
  readonly service: UnroutedService | undefined;
  readonly reserved: ReservedAddresses;
}

function targetProblem(
  route: ServiceRoute,
  field: string,
  text: string,
  { service, reserved }: TargetSurroundings,
): Problem | undefined {
  const problem = problemsOf(route);
  const address = parseAddress(text);
  if (address === undefined) return problem('InvalidObject', field, `"${text}" is no IPv4 or IPv6 address`);
  const conflict = reserved.meeting(hostPrefix(address));
  if (conflict !== undefined)
    return problem('AddressReserved', field, `${text} meets ${conflict.what}; no server can have it`);
  const families = (service?.addresses ?? []).map((prefix) => parsePrefix(prefix)?.family);
  if (families.length === 0 || families.includes(address.family)) return undefined;
  const message = `Service ${service?.name ?? ''} has no IPv${address.family} address, so no session reaches this target; add one or remove the target`;
  return problem('TargetFamilyMismatch', field, message);
}

// A static server may stand anywhere, and only this node's own address is sure to bring its replies back here.
function sourceOf(wanted: Service['spec']['sourceAddress'] | undefined): TargetSourceName {
  return wanted === 'Preserve' ? 'Preserve' : 'Node';
}
