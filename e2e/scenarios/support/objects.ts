/** An object of the Kubernetes API as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

const group = 'quiver.dev/v1alpha1';

/** How kubectl is told a kind: `service` alone would be the core one. */
const resources: Readonly<Record<string, string>> = {
  [`${group} Service`]: 'qsvc',
  [`${group} ServiceRoute`]: 'qroute',
  [`${group} Tenant`]: 'qtenant',
  [`${group} Peer`]: 'qpeer',
};

/** `qsvc/web`: an object as kubectl takes it. */
export function reference({ apiVersion, kind, metadata }: Manifest): string {
  return `${resources[`${apiVersion} ${kind}`] ?? kind.toLowerCase()}/${metadata.name}`;
}

/** A condition of a status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

export function namespaceObject(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function tenant(name: string, members: readonly unknown[]): Manifest {
  return { apiVersion: group, kind: 'Tenant', metadata: { name }, spec: { members } };
}

export interface ServicePort {
  readonly protocol: 'TCP' | 'UDP' | 'ICMP';
  readonly port?: number;
  readonly endPort?: number;
}

export interface ServiceOptions {
  readonly ports: readonly ServicePort[];
  /** Tenants that may use it. */
  readonly tenants?: readonly string[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

export function service(namespace: string, name: string, { ports, tenants = [], spec = {} }: ServiceOptions): Manifest {
  const access = tenants.map((one) => ({ tenant: one }));
  return { apiVersion: group, kind: 'Service', metadata: { name, namespace }, spec: { ports, access, ...spec } };
}

export function route(namespace: string, name: string, spec: Readonly<Record<string, unknown>>): Manifest {
  return { apiVersion: group, kind: 'ServiceRoute', metadata: { name, namespace }, spec: { service: name, ...spec } };
}

export interface Waypoint {
  readonly name: string;
  readonly address: string;
  readonly cost?: number;
}

export function peer(
  name: string,
  waypoints: readonly Waypoint[],
  spec: Readonly<Record<string, unknown>> = {},
): Manifest {
  return { apiVersion: group, kind: 'Peer', metadata: { name }, spec: { router: name, waypoints, ...spec } };
}

/** A core Service that selects pods by their label `app`. */
export function coreService(namespace: string, name: string, app: string, ports: readonly unknown[]): Manifest {
  const spec = { selector: { app }, ipFamilyPolicy: 'PreferDualStack', ports };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}
