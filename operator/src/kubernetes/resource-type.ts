import { QuiverError } from '../errors.ts';

/** A kind of the API server, and where its objects are found. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The word in the address, as in RBAC rules. */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** Names an object as the API server does. */
export interface KubeRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

const quiver = { group: 'quiver.dev', version: 'v1alpha1' } as const;
const core = { group: '', version: 'v1' } as const;

/** Every kind that the operator looks at or writes. */
export const resourceTypes = {
  tenant: { ...quiver, kind: 'Tenant', plural: 'tenants', isNamespaced: false },
  service: { ...quiver, kind: 'Service', plural: 'services', isNamespaced: true },
  serviceRoute: { ...quiver, kind: 'ServiceRoute', plural: 'serviceroutes', isNamespaced: true },
  peer: { ...quiver, kind: 'Peer', plural: 'peers', isNamespaced: false },
  namespace: { ...core, kind: 'Namespace', plural: 'namespaces', isNamespaced: false },
  node: { ...core, kind: 'Node', plural: 'nodes', isNamespaced: false },
  pod: { ...core, kind: 'Pod', plural: 'pods', isNamespaced: true },
  coreService: { ...core, kind: 'Service', plural: 'services', isNamespaced: true },
  secret: { ...core, kind: 'Secret', plural: 'secrets', isNamespaced: true },
  configMap: { ...core, kind: 'ConfigMap', plural: 'configmaps', isNamespaced: true },
  endpointSlice: {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    isNamespaced: true,
  },
  lease: { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', isNamespaced: true },
  event: { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events', isNamespaced: true },
  tokenReview: {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenReview',
    plural: 'tokenreviews',
    isNamespaced: false,
  },
} as const satisfies Record<string, ResourceType>;

const byName = new Map<string, ResourceType>(
  Object.values(resourceTypes).map((type) => [`${apiVersionOf(type)} ${type.kind}`, type]),
);

/** `group/version`, or the version alone in the core group. */
export function apiVersionOf({ group, version }: Pick<ResourceType, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The type of an object. Throws for a kind that the operator never uses. */
export function typeOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): ResourceType {
  const type = byName.get(`${apiVersion} ${kind}`);
  if (type === undefined) throw new QuiverError('InvariantBroken', `${apiVersion} ${kind} is in no list of kinds`);
  return type;
}

/** `plural.group`, as `kubectl get` understands it. */
export function describeType({ group, plural }: ResourceType): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Which part of a type's objects an address names. */
export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The path of an object, of all of a namespace, or of all. */
export function pathOf(type: ResourceType, { namespace, name, subresource }: Place): string {
  const root = type.group === '' ? ['api', type.version] : ['apis', type.group, type.version];
  const inside = type.isNamespaced && namespace !== undefined ? ['namespaces', namespace] : [];
  const rest = [name, subresource].filter((part) => part !== undefined);
  return `/${[...root, ...inside, type.plural, ...rest].map(encodeURIComponent).join('/')}`;
}
