import type { SvrService as Service } from '../api/generated/service.gen.ts';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import type { RouterConfig } from '../api/router-config.ts';
import type { FabricIr, PeerIr, ServiceIr } from '../ir/fabric-ir.ts';
import { contains, formatPrefix, parsePrefix } from '../ir/prefix.ts';
import { settleAddressConflicts } from './address-conflicts.ts';
import { assignAddresses, ownAddresses, reservedAddresses } from './addresses.ts';
import { fullName, problemsOf, type TranslateInput } from './input.ts';
import { CoreServices } from './kubernetes/core-services.ts';
import { translateDnsNames } from './kubernetes/dns-names.ts';
import { takesSessions } from './kubernetes/endpoints.ts';
import { translatePodNetwork } from './kubernetes/pod-network.ts';
import { translatePods } from './kubernetes/pods.ts';
import { listed } from './listed.ts';
import { translatePeers } from './peers.ts';
import { type Outcome, type Problem, sortProblems } from './problem.ts';
import { type Reserved, ReservedAddresses } from './reserved.ts';
import { translateKeySource } from './security.ts';
import { type OwnedRoute, translateServiceRoutes } from './service-routes.ts';
import { translateServices, type UnroutedService } from './services.ts';
import { type Site, surveySite } from './site.ts';
import { lineageOf } from './tenant-name.ts';
import { translateTenants } from './tenants.ts';
import { peerUnsupported, serviceRouteUnsupported, serviceUnsupported } from './unsupported.ts';

/** The intermediate representation, and what of the input is not, or not wholly, in it. */
export interface Translation {
  readonly ir: FabricIr;
  readonly problems: readonly Problem[];
}

/** Turns resources into the intermediate representation. Pure; the order of the input never matters. */
export function translate(input: TranslateInput): Translation {
  const { kubernetes } = input;
  const offered = partition(input.services, serviceUnsupported);
  const known = partition(input.peers, peerUnsupported);
  const site = surveySite(input);
  const keySource = translateKeySource(input);
  const tenants = translateTenants(input.tenants, {
    podPrefixes: site.value.podPrefixes,
    hasPods: kubernetes !== undefined,
  });
  const peers = translatePeers(known.accepted, site.value);
  const reserved = reservedAddresses(
    site.value,
    peers.value.flatMap(({ waypoints }) => waypoints.map(({ address }) => address)),
  );
  const services = translateOffer(input, offered.accepted, site.value, reserved);
  const servicePool = routedPrefixes(site.value.servicePool, services.value);
  const routes = translateWays(input, {
    site: site.value,
    services: services.value,
    peers: peers.value,
    reserved: [...reserved, ...servicePool.flatMap(leadsBack)],
  });
  const unreachable = unreachableProblems(offered.accepted, services.value, routes.value);
  const cluster = translateCluster(input, services.value);
  const byService = Map.groupBy(routes.value, ({ service }) => service);

  const ir: FabricIr = {
    ...routerSettings(input.router, site.value),
    servicePool,
    keySource: keySource.value,
    tenants: tenants.value,
    services: services.value.map((service) => withRoutes(service, byService.get(service.name) ?? [])),
    peers: peers.value,
    ...cluster.value,
  };
  const steps = [offered, known, site, keySource, tenants, peers, services, routes, cluster];
  return { ir, problems: sortProblems([...steps.flatMap(({ problems }) => problems), ...unreachable]) };
}

// Services with their addresses; who loses one to an older service is told.
function translateOffer(
  input: TranslateInput,
  services: readonly Service[],
  site: Site,
  reserved: readonly Reserved[],
): Outcome<readonly UnroutedService[]> {
  const sources = { servicePool: site.servicePool, held: input.heldAddresses };
  const addresses = assignAddresses(services, sources, [...ownAddresses(site), ...reserved]);
  const names = [...input.tenants.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Tenant')];
  const tenants = new Set(names.flatMap(lineageOf));
  const claimed = translateServices(services, { addresses: addresses.value, tenants });
  const settled = settleAddressConflicts(claimed.value, services);
  return { value: settled.value, problems: [addresses, claimed, settled].flatMap(({ problems }) => problems) };
}

interface Ways {
  readonly site: Site;
  readonly services: readonly UnroutedService[];
  readonly peers: readonly PeerIr[];
  readonly reserved: readonly Reserved[];
}

function translateWays(
  input: TranslateInput,
  { site, services, peers, reserved }: Ways,
): Outcome<readonly OwnedRoute[]> {
  const { kubernetes = { coreServices: [], endpointSlices: [] } } = input;
  const isInCluster = input.kubernetes !== undefined;
  const wanted = partition(input.serviceRoutes, (route) => serviceRouteUnsupported(route, isInCluster));
  const routes = translateServiceRoutes(wanted.accepted, {
    services: new Map(services.map((service) => [service.name, service])),
    declaredServices: new Set([...input.services.map(fullName), ...refusedNames(input, 'Service')]),
    sources: new Map(input.services.map((service) => [fullName(service), service.spec.sourceAddress])),
    peers: new Map(peers.map((peer) => [peer.name, peer])),
    declaredPeers: new Set([...input.peers.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Peer')]),
    reserved: new ReservedAddresses(reserved),
    coreServices: new CoreServices(kubernetes),
    returnFamilies: new Set(site.returnPool.flatMap((text) => parsePrefix(text)?.family ?? [])),
  });
  return { value: routes.value, problems: [...wanted.problems, ...routes.problems] };
}

type ClusterParts = Pick<FabricIr, 'pods' | 'podNetwork' | 'dns'>;

function translateCluster(input: TranslateInput, services: readonly UnroutedService[]): Outcome<ClusterParts> {
  const { kubernetes } = input;
  if (kubernetes === undefined) return { value: { pods: [] }, problems: [] };
  const pods = translatePods(input.tenants, kubernetes);
  const network = translatePodNetwork(input.router, kubernetes.nodes);
  const dns = translateDnsNames(services, input.services, kubernetes);
  const value = { pods: pods.value, ...network.value, dns: dns.value };
  return { value, problems: [pods, network, dns].flatMap(({ problems }) => problems) };
}

function partition<T>(
  objects: readonly T[],
  judge: (object: T) => readonly Problem[],
): { accepted: readonly T[]; problems: readonly Problem[] } {
  const judged = objects.map((object) => ({ object, problems: judge(object) }));
  return {
    accepted: judged.filter(({ problems }) => problems.length === 0).map(({ object }) => object),
    problems: judged.flatMap(({ problems }) => problems),
  };
}

function refusedNames({ refused }: TranslateInput, kind: ObjectRef['kind']): readonly string[] {
  return refused.filter((ref) => ref.kind === kind).map(qualifiedName);
}

type RouterSettings = Omit<
  FabricIr,
  'servicePool' | 'keySource' | 'tenants' | 'services' | 'peers' | 'pods' | 'podNetwork' | 'dns'
>;

function routerSettings(router: RouterConfig, site: Site): RouterSettings {
  return {
    fabric: router.fabric,
    router: router.router,
    nodes: site.nodes,
    returnPool: canonicalPrefixes(site.returnPool),
    waypointPorts: router.waypointPorts,
    controlPort: router.controlPort,
    metadata: router.metadata,
    cipher: router.cipher,
    rejection: router.rejection,
    serviceMatch: router.serviceMatch,
    maxSessions: router.limits.maxSessions,
    fastPath: router.fastPath,
  };
}

function withRoutes(service: UnroutedService, routes: readonly OwnedRoute[]): ServiceIr {
  return { ...service, routes: routes.map(({ route }) => route) };
}

// A fixed address outside the pool is dialled all the same, so it is routed to the engine as well.
function routedPrefixes(pool: readonly string[], services: readonly UnroutedService[]): readonly string[] {
  const pools = pool.flatMap((text) => parsePrefix(text) ?? []);
  const outside = services.flatMap(({ addresses }) =>
    addresses.filter((text) => {
      const prefix = parsePrefix(text);
      return prefix !== undefined && !pools.some((one) => contains(one, prefix));
    }),
  );
  return [...new Set([...canonicalPrefixes(pool), ...outside])].sort();
}

// Packets to such a prefix come to the engine, so a server there would never see them.
function leadsBack(text: string): readonly Reserved[] {
  const prefix = parsePrefix(text);
  return prefix === undefined
    ? []
    : [{ prefix, what: `${text}, which clients dial and which leads back to this router` }];
}

function unreachableProblems(
  services: readonly Service[],
  accepted: readonly UnroutedService[],
  routes: readonly OwnedRoute[],
): readonly Problem[] {
  const routed = Map.groupBy(routes, ({ service }) => service);
  const names = new Set(accepted.map(({ name }) => name));
  return services
    .filter((service) => names.has(fullName(service)))
    .flatMap((service) => unreachableProblem(service, routed.get(fullName(service)) ?? []));
}

function unreachableProblem(service: Service, routes: readonly OwnedRoute[]): readonly Problem[] {
  const problem = problemsOf(service);
  if (routes.length === 0) {
    const message = 'no service route in force leads to it from this router; add a ServiceRoute in its namespace';
    return [problem('NoRoute', '', message)];
  }
  const isServed = routes.some(({ route }) => !route.isShared || route.targets.some(takesSessions));
  if (isServed) return [];
  const names = routes.map(({ route }) => route.name);
  const message = `no endpoint takes new sessions now; see ServiceRoute ${listed(names)}`;
  return [problem('NoReadyEndpoints', '', message)];
}

function canonicalPrefixes(texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => parsePrefix(text) ?? [])
    .map(formatPrefix)
    .sort();
}
