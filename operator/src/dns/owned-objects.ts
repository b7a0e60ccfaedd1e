import type { SvrService as Service } from '../api/generated/service.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { DnsNameIr, DnsPortIr, FabricIr } from '../ir/fabric-ir.ts';
import { fullName } from '../translate/input.ts';
import { sliceNameOf } from '../translate/kubernetes/dns-names.ts';

/** What the operator keeps in the cluster so that names of Quiver Services resolve; whole objects for server-side apply. */
export interface OwnedObjects {
  /** By namespace and name. */
  readonly services: readonly CoreServiceManifest[];
  readonly slices: readonly EndpointSliceManifest[];
}

export interface OwnedMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
  readonly blockOwnerDeletion: boolean;
}

/** A headless Service without a selector: a name, to which its slices give addresses. */
export interface CoreServiceManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: OwnedMetadata;
  readonly spec: {
    readonly type: 'ClusterIP';
    readonly clusterIP: 'None';
    readonly ports: readonly { readonly name: string; readonly protocol: 'TCP' | 'UDP'; readonly port: number }[];
  };
}

export interface EndpointSliceManifest {
  readonly apiVersion: 'discovery.k8s.io/v1';
  readonly kind: 'EndpointSlice';
  readonly metadata: OwnedMetadata;
  readonly addressType: 'IPv4' | 'IPv6';
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready: true };
  }[];
  readonly ports: readonly DnsPortIr[];
}

/** Value of `app.kubernetes.io/managed-by` on everything the operator makes in users' namespaces. */
export const ownedBy = 'quiver-operator';

/**
 * The core Services and EndpointSlices that should exist, for the names of `ir.dns`. A Quiver Service that the API server has
 * given no uid cannot own anything and gets nothing. Pure and canonical.
 */
export function desiredOwnedObjects(ir: Pick<FabricIr, 'dns'>, services: readonly Service[]): OwnedObjects {
  const owners = new Map(services.map((service) => [fullName(service), service.metadata.uid]));
  const owned = sortedBy(ir.dns ?? [], ({ service }) => service).flatMap((name) => {
    const uid = owners.get(name.service);
    return uid === undefined ? [] : [ownedFor(name, uid)];
  });
  return { services: owned.map(({ service }) => service), slices: owned.flatMap(({ slices }) => slices) };
}

interface OwnedFor {
  readonly service: CoreServiceManifest;
  readonly slices: readonly EndpointSliceManifest[];
}

function ownedFor(record: DnsNameIr, uid: string): OwnedFor {
  const [namespace = '', name = ''] = record.service.split('/');
  const metadata = {
    namespace,
    labels: { 'app.kubernetes.io/managed-by': ownedBy, 'app.kubernetes.io/part-of': 'quiver' },
    ownerReferences: [
      { apiVersion: 'quiver.dev/v1alpha1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
  const service: CoreServiceManifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...metadata },
    spec: { type: 'ClusterIP', clusterIP: 'None', ports: record.ports },
  };
  const slices = ([4, 6] as const).flatMap((family) => {
    const addresses = record.addresses.filter((address) => address.includes(':') === (family === 6));
    return addresses.length === 0 ? [] : [sliceOf({ name, family, addresses, metadata, ports: record.ports })];
  });
  return { service, slices };
}

interface SliceParts {
  readonly name: string;
  readonly family: 4 | 6;
  readonly addresses: readonly string[];
  readonly metadata: Omit<OwnedMetadata, 'name'>;
  readonly ports: readonly DnsPortIr[];
}

function sliceOf({ name, family, addresses, metadata, ports }: SliceParts): EndpointSliceManifest {
  const labels = {
    ...metadata.labels,
    'endpointslice.kubernetes.io/managed-by': ownedBy,
    'kubernetes.io/service-name': name,
  };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, name: sliceNameOf(name, family), labels },
    addressType: `IPv${family}`,
    // The addresses of one endpoint are one server's; each service address is an endpoint of its own.
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  };
}
