import type { SvrService as Service } from '../api/generated/service.gen.ts';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import type { RouterConfig } from '../api/router-config.ts';
import type { FabricIr, PeerIr, ServiceIr, TenantIr } from '../ir/fabric-ir.ts';
import { contains, formatPrefix, parsePrefix } from '../ir/prefix.ts';
import { settleAddressConflicts } from './address-conflicts.ts';
import { assignAddresses, ownAddresses, reservedAddresses } from './addresses.ts';
import { fullName, problemsOf, type TranslateInput } from './input.ts';
import { coreAddresses } from './kubernetes/addresses.ts';
import { CoreServices } from './kubernetes/core-services.ts';
import { translateDnsNames } from './kubernetes/dns-names.ts';
import { takesSessions } from './kubernetes/endpoints.ts';
import { translatePodNetwork } from './kubernetes/pod-network.ts';
import { translatePods } from './kubernetes/pods.ts';
import { listed } from './listed.ts';
import { Memory } from './memory.ts';
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

/**
 * Turns resources into the intermediate representation. Pure; the order of the input never matters. A memory that is handed
 * over from one translation to the next saves the work on what has not changed.
 */
export function translate(input: TranslateInput, memory: Memory = new Memory()): Translation {
  const offered = partition(input.services, memory, serviceUnsupported);
  const ground = layGround(input, memory);
  const services = translateOffer(ground.value, offered.accepted);
  const { site, peers, tenants } = ground.value;
  const servicePool = memory.recallWhole('routed prefixes', [services.value, [site]], () =>
    routedPrefixes(site.servicePool, services.value),
  );
  const routes = translateWays(ground.value, services.value, servicePool);
  const unreachable = unreachableProblems(offered.accepted, services.value, routes.value);
  const cluster = translateCluster(ground.value, services.value);
  const keySource = translateKeySource(input);
  const byService = Map.groupBy(routes.value, ({ service }) => service);

  const ir: FabricIr = {
    ...routerSettings(input.router, site),
    servicePool,
    keySource: keySource.value,
    tenants,
    services: services.value.map((service) => withRoutes(service, byService.get(service.name) ?? [], memory)),
    peers,
    ...cluster.value,
  };
  const steps = [offered, ground, services, routes, cluster, keySource];
  return { ir, problems: sortProblems([...steps.flatMap(({ problems }) => problems), ...unreachable]) };
}

/** What everything is built on. */
interface Ground {
  readonly input: TranslateInput;
  readonly memory: Memory;
  readonly site: Site;
  readonly tenants: readonly TenantIr[];
  readonly peers: readonly PeerIr[];
  /** Addresses of core Services. */
  readonly core: readonly Reserved[];
}

function layGround(input: TranslateInput, memory: Memory): Outcome<Ground> {
  const { nodes = [], coreServices = [] } = input.kubernetes ?? {};
  const hasPods = input.kubernetes !== undefined;
  const core = memory.recallWhole('core addresses', [[input.router], coreServices], () => coreAddresses(input));
  const inPools = core.inPools.map(({ what }) => what);
  const site = memory.recallWhole('site', [[input.router], nodes, inPools], () => surveySite(input, core.inPools));
  const tenants = memory.recallWhole('tenants', [input.tenants, [site, hasPods]], () =>
    translateTenants(input.tenants, { podPrefixes: site.value.podPrefixes, hasPods }),
  );
  const known = partition(input.peers, memory, peerUnsupported);
  const peers = memory.recallWhole('peers', [known.accepted, [site]], () => translatePeers(known.accepted, site.value));
  const value = { input, memory, site: site.value, tenants: tenants.value, peers: peers.value, core: core.all };
  return { value, problems: [site, tenants, known, peers].flatMap(({ problems }) => problems) };
}

// Services with their addresses; who loses one to an older service is told.
function translateOffer(
  { input, memory, site, peers, core }: Ground,
  services: readonly Service[],
): Outcome<readonly UnroutedService[]> {
  const held = [...(input.heldAddresses ?? [])].flatMap(([name, addresses]) => [name, ...addresses]);
  const addresses = memory.recallWhole('addresses', [services, held, [site, core], peers], () => {
    const sources = { servicePool: site.servicePool, held: input.heldAddresses };
    return assignAddresses(services, sources, [...ownAddresses(site), ...core, ...reservedFor({ site, peers })]);
  });
  const names = [...input.tenants.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Tenant')];
  const tenants = memory.recallWhole('tenant names', [names], () => new Set(names.flatMap(lineageOf)));
  const claimed = translateServices(services, { addresses: addresses.value, tenants, memory });
  const settled = memory.recallWhole('conflicts', [claimed.value, services], () =>
    settleAddressConflicts(claimed.value, services),
  );
  return { value: settled.value, problems: [addresses, claimed, settled].flatMap(({ problems }) => problems) };
}

function reservedFor({ site, peers }: Pick<Ground, 'site' | 'peers'>): readonly Reserved[] {
  return reservedAddresses(
    site,
    peers.flatMap(({ waypoints }) => waypoints.map(({ address }) => address)),
  );
}

function translateWays(
  { input, memory, site, peers }: Ground,
  services: readonly UnroutedService[],
  servicePool: readonly string[],
): Outcome<readonly OwnedRoute[]> {
  const { coreServices = [], endpointSlices = [] } = input.kubernetes ?? {};
  const isInCluster = input.kubernetes !== undefined;
  const wanted = partition(input.serviceRoutes, memory, (route) => serviceRouteUnsupported(route, isInCluster), [
    isInCluster,
  ]);
  const routes = translateServiceRoutes(wanted.accepted, {
    services: new Map(services.map((service) => [service.name, service])),
    declaredServices: new Set([...input.services.map(fullName), ...refusedNames(input, 'Service')]),
    sources: new Map(input.services.map((service) => [fullName(service), service.spec.sourceAddress])),
    peers: new Map(peers.map((peer) => [peer.name, peer])),
    declaredPeers: new Set([...input.peers.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Peer')]),
    reserved: memory.recallWhole('reserved', [[site], peers, servicePool], () => {
      return new ReservedAddresses([...reservedFor({ site, peers }), ...servicePool.flatMap(leadsBack)]);
    }),
    coreServices: memory.recallWhole('core services', [coreServices, endpointSlices], () => {
      return new CoreServices({ coreServices, endpointSlices });
    }),
    returnFamilies: memory.recallWhole('return families', [[site]], () => {
      return new Set(site.returnPool.flatMap((text) => parsePrefix(text)?.family ?? []));
    }),
    memory,
  });
  return { value: routes.value, problems: [...wanted.problems, ...routes.problems] };
}

type ClusterParts = Pick<FabricIr, 'pods' | 'podNetwork' | 'dns'>;

function translateCluster({ input, memory }: Ground, services: readonly UnroutedService[]): Outcome<ClusterParts> {
  const { kubernetes, router } = input;
  if (kubernetes === undefined) return { value: { pods: [] }, problems: [] };
  const pods = translatePods(input.tenants, kubernetes, memory);
  const network = memory.recallWhole('pod network', [[router], kubernetes.nodes], () =>
    translatePodNetwork(router, kubernetes.nodes),
  );
  const { coreServices, endpointSlices } = kubernetes;
  const dns = memory.recallWhole('names', [services, input.services, coreServices, endpointSlices], () =>
    translateDnsNames(services, input.services, kubernetes),
  );
  const value = { pods: pods.value, ...network.value, dns: dns.value };
  return { value, problems: [pods, network, dns].flatMap(({ problems }) => problems) };
}

function partition<T extends object>(
  objects: readonly T[],
  memory: Memory,
  judge: (object: T) => readonly Problem[],
  parts: readonly unknown[] = [],
): { accepted: readonly T[]; problems: readonly Problem[] } {
  const judged = objects.map((object) => ({
    object,
    problems: memory.recall(object, 'supported', parts, () => judge(object)),
  }));
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

function withRoutes(service: UnroutedService, owned: readonly OwnedRoute[], memory: Memory): ServiceIr {
  const routes = owned.map(({ route }) => route);
  return memory.recall(service, 'routed', routes, () => ({ ...service, routes }));
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
