import { QuiverError } from '../errors.ts';
import { byText } from './canonical.ts';
import type { FabricIr, ServiceIr } from './fabric-ir.ts';
import { type Prefix, parseAddress, parsePrefix } from './prefix.ts';
import { PrefixIndex } from './prefix-index.ts';

type Invariant = (ir: FabricIr) => readonly string[];

/** What every intermediate representation holds to; each answers with the places that break it. */
export const invariants: Readonly<Record<string, Invariant>> = {
  namesAreSortedAndUnique: (ir) => [
    ...unsorted(
      'tenants',
      ir.tenants.map(({ name }) => name),
    ),
    ...unsorted(
      'services',
      ir.services.map(({ name }) => name),
    ),
    ...unsorted(
      'peers',
      ir.peers.map(({ router }) => router),
    ),
    ...unsorted(
      'nodes',
      ir.nodes.map(({ name }) => name),
    ),
    ...ir.services.flatMap((service) =>
      unsorted(
        `${service.name} routes`,
        service.routes.map(({ name }) => name),
      ),
    ),
  ],
  allowedTenantsAreKnown: (ir) => {
    const known = new Set(ir.tenants.flatMap(({ name }) => withParents(name)));
    return ir.services.flatMap((service) =>
      service.access
        .filter(({ tenant, action }) => action === 'Allow' && !known.has(tenant))
        .map(({ tenant }) => `${service.name} admits ${tenant}`),
    );
  },
  routePeersAreKnown: (ir) => {
    const known = new Set(ir.peers.map(({ router }) => router));
    return routesOf(ir).flatMap(({ route }) =>
      route.peers.filter(({ router }) => !known.has(router)).map(({ router }) => `${route.name} uses ${router}`),
    );
  },
  routesLeadSomewhereInOneWay: (ir) =>
    routesOf(ir)
      .filter(({ route: { peers, targets, isShared } }) =>
        // A core Service may have no endpoint for a while.
        isShared ? peers.length > 0 : (peers.length === 0) === (targets.length === 0),
      )
      .map(({ route }) => route.name),
  prefixesAreCanonical: (ir) => [
    ...badPrefixes('servicePool', ir.servicePool),
    ...badPrefixes('returnPool', ir.returnPool),
    ...ir.services.flatMap(({ name, addresses }) => badPrefixes(name, addresses)),
    ...ir.tenants.flatMap(({ name, members }) =>
      badPrefixes(
        name,
        members.map(({ cidr }) => cidr),
      ),
    ),
  ],
  serviceAddressesAreRouted: (ir) => {
    const pools = new PrefixIndex<Prefix>();
    for (const prefix of ir.servicePool.flatMap((text) => parsePrefix(text) ?? [])) pools.add(prefix, prefix);
    const isRouted = (text: string): boolean => {
      const prefix = parsePrefix(text);
      return prefix !== undefined && pools.around(prefix).length > 0;
    };
    return ir.services.flatMap(({ name, addresses }) =>
      addresses.filter((text) => !isRouted(text)).map((text) => `${name} ${text}`),
    );
  },
  waypointsAreAddressesUsedOnce: (ir) => {
    const all = [...ir.nodes, ...ir.peers].flatMap(({ waypoints }) => waypoints.map(({ address }) => address));
    const seen = new Set<string>();
    return all.filter((text) => {
      const isKnown = seen.has(text);
      seen.add(text);
      return isKnown || parseAddress(text) === undefined;
    });
  },
  podsAreInKnownTenants: (ir) => {
    const known = new Set(ir.tenants.map(({ name }) => name));
    return ir.pods.filter(({ tenant }) => tenant !== '' && !known.has(tenant)).map(({ uid }) => `pod ${uid}`);
  },
  podsAreSortedAndUnique: (ir) =>
    unsorted(
      'pods',
      ir.pods.map(({ uid }) => uid),
    ),
  ownRouterIsNoPeer: (ir) => ir.peers.filter(({ router }) => router === ir.router).map(({ router }) => router),
  activeSecretIsListed: ({ keySource }) =>
    keySource.versions.some(({ version }) => version === keySource.active) ? [] : [`version ${keySource.active}`],
};

/** Throws when the representation contradicts itself: that is a defect of the operator and never the user's. */
export function assertValid(ir: FabricIr): void {
  const broken = Object.entries(invariants).flatMap(([name, invariant]) => {
    const places = invariant(ir);
    return places.length === 0 ? [] : [`${name}: ${places.join(', ')}`];
  });
  if (broken.length > 0) throw new QuiverError('InvariantBroken', broken.join('; '));
}

// child.parent: naming a parent admits its children, so it is known when a child is.
function withParents(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

function routesOf(ir: FabricIr): { service: ServiceIr; route: ServiceIr['routes'][number] }[] {
  return ir.services.flatMap((service) => service.routes.map((route) => ({ service, route })));
}

function unsorted(what: string, names: readonly string[]): string[] {
  return names.flatMap((name, index) => {
    const before = names[index - 1];
    return before !== undefined && byText(before, name) >= 0 ? [`${what}: ${before}, ${name}`] : [];
  });
}

function badPrefixes(what: string, texts: readonly string[]): string[] {
  return texts
    .filter((text) => parsePrefix(text) === undefined || !text.includes('/'))
    .map((text) => `${what} ${text}`);
}
