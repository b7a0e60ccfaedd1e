import { type LocalPod, NodeConfig, type Peer, type Service, type Tenant } from '@quiver/dataplane-api';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';

/** Whether something of an object is in the representation, and so in every node's configuration. */
export function holds(ir: FabricIr, ref: ObjectRef): boolean {
  return ref.kind === 'RouterConfig' || namesIn(ir).has(`${ref.kind} ${nameOf(ref)}`);
}

/** The part of a configuration that stands for one object, as a digest; undefined when the object is not in it. */
export function sliceOf(config: NodeConfig, ref: ObjectRef, ir: FabricIr): string | undefined {
  const part = partOf(config, ref, ir);
  return part === undefined ? undefined : digestOf(NodeConfig.encode(NodeConfig.fromPartial(part)).finish());
}

function partOf(config: NodeConfig, ref: ObjectRef, ir: FabricIr): Partial<NodeConfig> | undefined {
  const name = nameOf(ref);
  switch (ref.kind) {
    case 'Tenant': {
      const tenant = indexOf(config).tenants.get(name);
      return tenant && { tenants: [tenant], pods: indexOf(config).pods.get(name) ?? [] };
    }
    case 'Service': {
      const service = indexOf(config).services.get(name);
      return service && { services: [{ ...service, routes: [] }] };
    }
    case 'ServiceRoute': {
      const route = indexOf(config).routes.get(name);
      return route && { services: [route] };
    }
    case 'Peer': {
      const peer = indexOf(config).peers.get(ir.peers.find((one) => one.name === name)?.router ?? '');
      return peer && { peers: [peer] };
    }
    case 'RouterConfig':
      return { ...config, tenants: [], services: [], peers: [], pods: [], podNetwork: undefined, retire: false };
    case 'File':
      return undefined;
  }
}

interface ConfigIndex {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly services: ReadonlyMap<string, Service>;
  /** Each route alone, under the name of its service: another property of the service is no change of the route. */
  readonly routes: ReadonlyMap<string, Service>;
  readonly peers: ReadonlyMap<string, Peer>;
  /** By tenant, without addresses: those are known on the node before they are known here. */
  readonly pods: ReadonlyMap<string, LocalPod[]>;
}

// Made once for a configuration, which never changes: asking for every object stays linear.
const configIndexes = new WeakMap<NodeConfig, ConfigIndex>();
const irNames = new WeakMap<FabricIr, ReadonlySet<string>>();

function indexOf(config: NodeConfig): ConfigIndex {
  const known = configIndexes.get(config);
  if (known !== undefined) return known;
  const index: ConfigIndex = {
    tenants: new Map(config.tenants.map((tenant) => [tenant.name, tenant])),
    services: new Map(config.services.map((service) => [service.name, service])),
    routes: new Map(config.services.flatMap(routesAlone)),
    peers: new Map(config.peers.map((peer) => [peer.router, peer])),
    pods: Map.groupBy(
      config.pods.map((pod) => ({ ...pod, addresses: [] })),
      ({ tenant }) => tenant,
    ),
  };
  configIndexes.set(config, index);
  return index;
}

function routesAlone({ name, routes }: Service): [string, Service][] {
  return routes.map((route) => [route.name, { ...emptyService(), name, routes: [route] }]);
}

function emptyService(): Omit<Service, 'name' | 'routes'> {
  return {
    addresses: [],
    ports: [],
    access: [],
    scope: 0,
    encryption: 0,
    integrity: 0,
    idleTimeoutSeconds: 0,
    spread: 0,
  };
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
