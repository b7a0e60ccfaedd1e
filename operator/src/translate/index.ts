import type { SvrService as Service } from '../api/generated/service.gen.ts';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { FabricIr, ServiceIr } from '../ir/fabric-ir.ts';
import { contains, formatAddress, formatPrefix, parseAddress, parsePrefix } from '../ir/prefix.ts';
import { settleAddressConflicts } from './address-conflicts.ts';
import { assignAddresses, ownAddresses, type Reserved, reservedAddresses } from './addresses.ts';
import { fullName, problemsOf, type TranslateInput } from './input.ts';
import { translatePeers } from './peers.ts';
import { type Problem, sortProblems } from './problem.ts';
import { translateKeySource } from './security.ts';
import { type OwnedRoute, translateServiceRoutes } from './service-routes.ts';
import { translateServices, type UnroutedService } from './services.ts';
import { translateTenants } from './tenants.ts';
import { peerUnsupported, serviceRouteUnsupported, serviceUnsupported } from './unsupported.ts';

/** The intermediate representation, and what of the input is not, or not wholly, in it. */
export interface Translation {
  readonly ir: FabricIr;
  readonly problems: readonly Problem[];
}

/** Turns resources into the intermediate representation. Pure; the order of the input never matters. */
export function translate(input: TranslateInput): Translation {
  const { router } = input;
  const offered = partition(input.services, serviceUnsupported);
  const wanted = partition(input.serviceRoutes, serviceRouteUnsupported);
  const known = partition(input.peers, peerUnsupported);

  const tenants = translateTenants(input.tenants);
  const peers = translatePeers(known.accepted, router);
  const reserved = reservedAddresses(
    router,
    peers.value.flatMap(({ waypoints }) => waypoints.map(({ address }) => address)),
  );
  const addresses = assignAddresses(offered.accepted, router, [...ownAddresses(router), ...reserved]);
  const tenantNames = [...input.tenants.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Tenant')];
  const claimed = translateServices(offered.accepted, { addresses: addresses.value, tenants: tenantNames });
  const services = settleAddressConflicts(claimed.value, offered.accepted);
  const routed = routedPrefixes(router.servicePool, services.value);
  const routes = translateServiceRoutes(wanted.accepted, {
    services: services.value,
    declaredServices: [...input.services.map(fullName), ...refusedNames(input, 'Service')],
    sources: new Map(input.services.map((service) => [fullName(service), service.spec.sourceAddress])),
    peers: peers.value,
    declaredPeers: [...input.peers.map(({ metadata }) => metadata.name), ...refusedNames(input, 'Peer')],
    reserved: [...reserved, ...routed.flatMap(leadsBack)],
  });
  const unreachable = unroutedProblems(offered.accepted, services.value, routes.value);

  const ir: FabricIr = {
    ...routerSettings(input),
    servicePool: routed,
    keySource: translateKeySource(router, input.secrets),
    tenants: tenants.value,
    services: services.value.map((service) => withRoutes(service, routes.value)),
    peers: peers.value,
  };
  const steps = [offered, wanted, known, tenants, peers, addresses, claimed, services, routes];
  return { ir, problems: sortProblems([...steps.flatMap(({ problems }) => problems), ...unreachable]) };
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

type RouterSettings = Omit<FabricIr, 'servicePool' | 'keySource' | 'tenants' | 'services' | 'peers'>;

function routerSettings({ router }: TranslateInput): RouterSettings {
  return {
    fabric: router.fabric,
    router: router.router,
    nodes: sortedBy(router.nodes, ({ name }) => name).map(({ name, waypoints }) => ({
      name,
      waypoints: waypoints.map((own) => ({ name: own.name, address: canonicalAddress(own.address) })),
    })),
    returnPool: canonicalPrefixes(router.returnPool),
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
  return { ...service, routes: routes.filter((owned) => owned.service === service.name).map(({ route }) => route) };
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

function unroutedProblems(
  services: readonly Service[],
  accepted: readonly UnroutedService[],
  routes: readonly OwnedRoute[],
): readonly Problem[] {
  const routed = new Set(routes.map(({ service }) => service));
  const names = new Set(accepted.map(({ name }) => name));
  const message = 'no service route in force leads to it from this router; add a ServiceRoute in its namespace';
  return services
    .filter((service) => names.has(fullName(service)) && !routed.has(fullName(service)))
    .map((service) => problemsOf(service)('NoRoute', '', message));
}

function canonicalPrefixes(texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => parsePrefix(text) ?? [])
    .map(formatPrefix)
    .sort();
}

function canonicalAddress(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}
