import { NodeConfig } from '@quiver/dataplane-api';
import type { ObjectRef } from '../api/resources.ts';
import { qualifiedName } from '../api/resources.ts';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';

/** Whether something of an object is in the representation, and so in every node's configuration. */
export function holds(ir: FabricIr, ref: ObjectRef): boolean {
  const name = namespacedName(ref);
  switch (ref.kind) {
    case 'Tenant':
      return ir.tenants.some((tenant) => tenant.name === ref.name);
    case 'Service':
      return ir.services.some((service) => service.name === name);
    case 'ServiceRoute':
      return ir.services.some(({ routes }) => routes.some((route) => route.name === name));
    case 'Peer':
      return ir.peers.some((peer) => peer.name === ref.name);
    case 'RouterConfig':
      return true;
    case 'File':
      return false;
  }
}

/** The part of a configuration that stands for one object, as a digest; undefined when the object is not in it. */
export function sliceOf(config: NodeConfig, ref: ObjectRef, ir: FabricIr): string | undefined {
  const part = partOf(config, ref, ir);
  return part === undefined ? undefined : digestOf(NodeConfig.encode(NodeConfig.fromPartial(part)).finish());
}

function partOf(config: NodeConfig, ref: ObjectRef, ir: FabricIr): Partial<NodeConfig> | undefined {
  const name = ref.kind === 'Service' || ref.kind === 'ServiceRoute' ? namespacedName(ref) : ref.name;
  switch (ref.kind) {
    case 'Tenant':
      return nonEmpty(
        'tenants',
        config.tenants.filter((tenant) => tenant.name === name),
      );
    case 'Service':
      return nonEmpty(
        'services',
        config.services.filter((one) => one.name === name).map((one) => ({ ...one, routes: [] })),
      );
    case 'ServiceRoute':
      return nonEmpty('services', servicesWithRoute(config, name));
    case 'Peer': {
      const router = ir.peers.find((peer) => peer.name === name)?.router;
      return nonEmpty(
        'peers',
        config.peers.filter((peer) => peer.router === router),
      );
    }
    case 'RouterConfig':
      return { ...config, tenants: [], services: [], peers: [] };
    case 'File':
      return undefined;
  }
}

// The route alone, under the name of its service: another property of the service is no change of the route.
function servicesWithRoute({ services }: NodeConfig, name: string): NodeConfig['services'] {
  return services.flatMap((service) => {
    const routes = service.routes.filter((route) => route.name === name);
    return routes.length === 0 ? [] : [{ ...emptyService(), name: service.name, routes }];
  });
}

function emptyService(): Omit<NodeConfig['services'][number], 'name' | 'routes'> {
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

function nonEmpty<K extends 'tenants' | 'services' | 'peers'>(
  key: K,
  items: NodeConfig[K],
): Partial<NodeConfig> | undefined {
  return items.length === 0 ? undefined : { [key]: items };
}

function namespacedName(ref: ObjectRef): string {
  return qualifiedName({ namespace: ref.namespace ?? 'default', name: ref.name });
}
