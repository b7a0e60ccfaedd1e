import { parse } from 'yaml';
import type { QuiverObject } from '../../../operator/src/api/generated/kinds.gen.ts';
import type { Peer } from '../../../operator/src/api/generated/peer.gen.ts';
import type { SvrService } from '../../../operator/src/api/generated/service.gen.ts';
import type { ServiceRoute } from '../../../operator/src/api/generated/serviceroute.gen.ts';
import type { Tenant } from '../../../operator/src/api/generated/tenant.gen.ts';
import type { EndpointSlice, KubernetesObjects, KubernetesPod } from '../../../operator/src/api/kubernetes-objects.ts';
import { routerConfigSchema } from '../../../operator/src/api/router-config.ts';
import type { TranslateInput } from '../../../operator/src/translate/input.ts';

/** How much there is in a cluster. */
export interface Size {
  readonly services: number;
  readonly pods: number;
  readonly peers: number;
  readonly nodes: number;
}

const tenants = 50;
const namespaces = 20;
const endpointsPerService = 3;

const router = routerConfigSchema.parse(
  parse(`apiVersion: config.quiver.dev/v1alpha1
kind: RouterConfig
fabric: corp
router: site-a
servicePool: [198.18.0.0/15]
kubernetes: {podCidrs: [10.0.0.0/8], serviceCidrs: [172.20.0.0/16]}
`),
);

/** A cluster of this size: half of the services are served by its pods, the others by peers. */
export function makeWorld(size: Size): TranslateInput & { readonly kubernetes: KubernetesObjects } {
  const pods = numbers(size.pods).map((index) => podOf(index, size));
  return {
    router,
    tenants: numbers(tenants).map(tenantOf),
    services: numbers(size.services).map(serviceOf),
    serviceRoutes: numbers(size.services).map((index) => routeOf(index, size)),
    peers: numbers(size.peers).map(peerOf),
    refused: [],
    secrets: [{ version: 1, secretId: 'fabric-secret-1', digest: '00' }],
    kubernetes: {
      nodes: numbers(size.nodes).map((index) => ({
        name: `node-${index}`,
        uid: `node-${index}`,
        addresses: [{ type: 'InternalIP', address: `192.168.${index >> 8}.${index & 255}` }],
        podCidrs: [],
        isTainted: false,
      })),
      namespaces: numbers(namespaces).map((index) => ({ name: `ns-${index}`, labels: { env: `env-${index % 5}` } })),
      pods,
      coreServices: numbers(size.services).map((index) => ({
        ...placeOf('server', index),
        type: 'ClusterIP',
        clusterIps: [`172.20.${(index >> 8) & 255}.${index & 255}`],
        ports: [{ name: 'main', protocol: 'TCP', port: 8080 }],
        isOwned: false,
      })),
      endpointSlices: numbers(size.services).map((index) => sliceOf(index, pods)),
    },
  };
}

/** The same cluster with another address for one pod, as when it has started; everything else is the same object. */
export function withStartedPod(input: ReturnType<typeof makeWorld>, index: number): ReturnType<typeof makeWorld> {
  const pods = input.kubernetes.pods.map((pod, at) => (at === index ? { ...pod, addresses: ['10.255.255.1'] } : pod));
  return { ...input, kubernetes: { ...input.kubernetes, pods } };
}

/** The same cluster after an endpoint of one core Service became unready. */
export function withUnreadyEndpoint(input: ReturnType<typeof makeWorld>, index: number): ReturnType<typeof makeWorld> {
  const endpointSlices = input.kubernetes.endpointSlices.map((slice, at) => {
    if (at !== index) return slice;
    const endpoints = slice.endpoints.map((one, place) => (place === 0 ? { ...one, isReady: false } : one));
    return { ...slice, endpoints };
  });
  return { ...input, kubernetes: { ...input.kubernetes, endpointSlices } };
}

/** The same cluster with one Service more. */
export function withNewService(input: ReturnType<typeof makeWorld>, index: number): ReturnType<typeof makeWorld> {
  return { ...input, services: [...input.services, serviceOf(index)] };
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function placeOf(what: string, index: number): { readonly namespace: string; readonly name: string } {
  return { namespace: `ns-${index % namespaces}`, name: `${what}-${index}` };
}

function podOf(index: number, { nodes }: Size): KubernetesPod {
  return {
    uid: `${(index * 2_654_435_761) % 4_294_967_296}-${index}`,
    ...placeOf('pod', index),
    labels: { app: `app-${index % (tenants * 4)}`, 'pod-template-hash': `${index >> 3}`, version: 'v1' },
    serviceAccount: `account-${index % 10}`,
    node: `node-${index % nodes}`,
    isHostNetwork: index % 40 === 39,
    isFinished: false,
    addresses: [`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`],
  };
}

function tenantOf(index: number): Tenant {
  const env = { matchLabels: { env: `env-${index % 5}` } };
  const members = [
    { namespaceSelector: env, podSelector: { matchLabels: { app: `app-${index}` } } },
    { podSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: [`team-${index}`] } as const] } },
    { serviceAccounts: [{ namespace: 'elsewhere', name: `account-${index}` }] },
  ];
  return { ...headOf('Tenant', { name: `tenant-${index}` }), spec: { members } };
}

function serviceOf(index: number): SvrService {
  const spec = {
    ports: [{ protocol: 'TCP', port: 443 } as const],
    access: [{ tenant: `tenant-${index % tenants}`, action: 'Allow' } as const],
    scope: 'Private',
    security: { encryption: 'Adaptive', integrity: 'Metadata' },
    sourceAddress: 'Auto',
    path: { criterion: 'Cost', spread: 'Hunt', resiliency: 'None' },
    export: false,
  } as const;
  return { ...headOf('Service', placeOf('service', index)), spec };
}

function routeOf(index: number, { peers }: Size): ServiceRoute {
  const { namespace } = placeOf('', index);
  const service = `service-${index}`;
  const way =
    index % 2 === 0
      ? { endpoints: { service: `server-${index}`, port: 8080 } }
      : { peers: [{ name: `peer-${index % peers}`, cost: 10 }] };
  return { ...headOf('ServiceRoute', { namespace, name: `route-${index}` }), spec: { service, ...way } };
}

function peerOf(index: number): Peer {
  const waypoints = [1, 2].map((node) => ({ name: `node${node}`, address: `203.0.${index}.${node}`, cost: 0 }));
  const spec = { router: `site-${index}`, waypoints, connectivity: 'Bidirectional', transport: 'Auto' } as const;
  return { ...headOf('Peer', { name: `peer-${index}` }), spec: { ...spec, encryption: 'PerService' } };
}

function headOf<K extends QuiverObject['kind']>(
  kind: K,
  place: { readonly namespace?: string; readonly name: string },
) {
  const metadata = { ...place, uid: `uid-${place.name}`, creationTimestamp: '2026-01-01T00:00:00Z', generation: 1 };
  return { apiVersion: 'quiver.dev/v1alpha1', kind, metadata } as const;
}

function sliceOf(index: number, pods: readonly KubernetesPod[]): EndpointSlice {
  const own = numbers(endpointsPerService).flatMap(
    (place) => pods[(index * endpointsPerService + place) % pods.length] ?? [],
  );
  const { namespace, name } = placeOf('server', index);
  return {
    namespace,
    name: `${name}-x`,
    service: name,
    family: 4,
    ports: [{ name: 'main', protocol: 'TCP', port: 8443 }],
    endpoints: own.map(({ uid, node, addresses: [address = ''] }) => ({
      address,
      node,
      podUid: uid,
      isReady: true,
      isServing: true,
      isTerminating: false,
    })),
    isOwned: false,
  };
}
