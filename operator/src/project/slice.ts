import { type LocalPod, NodeConfig, Peer, Route, Service, Tenant } from '@quiver/dataplane-api';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';
import { partDigest } from './part-digest.ts';

/** Whether something of an object is in the representation, and so in every node's configuration. */
export function holds(ir: FabricIr, ref: ObjectRef): boolean {
  return ref.kind === 'RouterConfig' || namesIn(ir).has(`${ref.kind} ${nameOf(ref)}`);
}

/** The part of a configuration that stands for one object, as a digest; undefined when the object is not in it. */
export function sliceOf(config: NodeConfig, ref: ObjectRef, ir: FabricIr): string | undefined {
  const index = indexOf(config);
  const name = nameOf(ref);
  switch (ref.kind) {
    case 'Tenant':
      return tenantSlice(index, name);
    case 'Service': {
      const service = index.services.get(name);
      return service && serviceSlice(service);
    }
    case 'ServiceRoute':
      return routeSlice(index, name);
    case 'Peer': {
      const peer = index.peers.get(ir.peers.find((one) => one.name === name)?.router ?? '');
      return peer && partDigest(peer, (part) => Peer.encode(part).finish());
    }
    case 'RouterConfig':
      return settingsSlice(config);
    case 'File':
      return undefined;
  }
}

interface ConfigIndex {
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** By tenant. */
  readonly pods: ReadonlyMap<string, readonly LocalPod[]>;
  readonly services: ReadonlyMap<string, Service>;
  /** With the name of the service: another property of it is no change of the route. */
  readonly routes: ReadonlyMap<string, { readonly service: string; readonly route: Route }>;
  readonly peers: ReadonlyMap<string, Peer>;
}

// Made once for what never changes: asking for every object stays linear.
const configIndexes = new WeakMap<NodeConfig, ConfigIndex>();
const serviceSlices = new WeakMap<Service, string>();
const irNames = new WeakMap<FabricIr, ReadonlySet<string>>();

function indexOf(config: NodeConfig): ConfigIndex {
  const known = configIndexes.get(config);
  if (known !== undefined) return known;
  const { tenants, services, peers, pods } = config;
  const routes = services.flatMap((service) => service.routes.map((route) => ({ service: service.name, route })));
  const index: ConfigIndex = {
    tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])),
    pods: Map.groupBy(pods, ({ tenant }) => tenant),
    services: new Map(services.map((service) => [service.name, service])),
    routes: new Map(routes.map((owned) => [owned.route.name, owned])),
    peers: new Map(peers.map((peer) => [peer.router, peer])),
  };
  configIndexes.set(config, index);
  return index;
}

// Without the pods' addresses: those are known on the node before they are known here.
function tenantSlice({ tenants, pods }: ConfigIndex, name: string): string | undefined {
  const tenant = tenants.get(name);
  if (tenant === undefined) return undefined;
  const members = (pods.get(name) ?? []).map(({ uid }) => uid);
  return [partDigest(tenant, (part) => Tenant.encode(part).finish()), ...members].join(' ');
}

function serviceSlice(service: Service): string {
  const known = serviceSlices.get(service) ?? digestOf(Service.encode({ ...service, routes: [] }).finish());
  serviceSlices.set(service, known);
  return known;
}

function routeSlice({ routes }: ConfigIndex, name: string): string | undefined {
  const owned = routes.get(name);
  return owned && `${owned.service} ${partDigest(owned.route, (part) => Route.encode(part).finish())}`;
}

function settingsSlice(config: NodeConfig): string {
  const own = { ...config, tenants: [], services: [], peers: [], pods: [], podNetwork: undefined, retire: false };
  return digestOf(NodeConfig.encode(own).finish());
}

function namesIn(ir: FabricIr): ReadonlySet<string> {
  const known = irNames.get(ir);
  if (known !== undefined) return known;
  const names = new Set([
    ...ir.tenants.map(({ name }) => `Tenant ${name}`),
    ...ir.services.map(({ name }) => `Service ${name}`),
    ...ir.services.flatMap(({ routes }) => routes.map(({ name }) => `ServiceRoute ${name}`)),
    ...ir.peers.map(({ name }) => `Peer ${name}`),
  ]);
  irNames.set(ir, names);
  return names;
}

function nameOf(ref: ObjectRef): string {
  const isNamespaced = ref.kind === 'Service' || ref.kind === 'ServiceRoute';
  return isNamespaced ? qualifiedName({ namespace: ref.namespace ?? 'default', name: ref.name }) : ref.name;
}
