import { parse } from 'yaml';
import type {
  CoreService,
  Endpoint,
  EndpointSlice,
  KubernetesNamespace,
  KubernetesNode,
  KubernetesObjects,
  KubernetesPod,
} from '../api/kubernetes-objects.ts';

interface ClusterText {
  readonly nodes?: readonly (Partial<KubernetesNode> & { readonly name: string })[];
  readonly namespaces?: readonly (Partial<KubernetesNamespace> & { readonly name: string })[];
  readonly pods?: readonly (Partial<KubernetesPod> & { readonly name: string })[];
  readonly coreServices?: readonly (Partial<CoreService> & { readonly name: string })[];
  readonly endpointSlices?: readonly SliceText[];
  readonly heldAddresses?: Readonly<Record<string, readonly string[]>>;
}

type SliceText = Omit<Partial<EndpointSlice>, 'endpoints'> & {
  readonly service: string;
  readonly endpoints?: readonly (Partial<Endpoint> & { readonly address: string })[];
};

/** What a cluster has around the resources. */
export interface ClusterAround {
  readonly kubernetes: KubernetesObjects;
  readonly heldAddresses: ReadonlyMap<string, readonly string[]>;
}

/** Reads a `kind: KubernetesObjects` document of a test; what an object does not say is as usual in a cluster. */
export function clusterOfText(text: string): ClusterAround {
  const given = parse(text) as ClusterText;
  const kubernetes: KubernetesObjects = {
    nodes: (given.nodes ?? []).map((one) => ({ uid: one.name, addresses: [], podCidrs: [], isTainted: false, ...one })),
    namespaces: (given.namespaces ?? []).map(({ name, labels }) => ({
      name,
      labels: { 'kubernetes.io/metadata.name': name, ...labels },
    })),
    pods: (given.pods ?? []).map(podOf),
    coreServices: (given.coreServices ?? []).map(coreServiceOf),
    endpointSlices: (given.endpointSlices ?? []).map(sliceOf),
  };
  return { kubernetes, heldAddresses: new Map(Object.entries(given.heldAddresses ?? {})) };
}

function podOf(pod: Partial<KubernetesPod> & { readonly name: string }): KubernetesPod {
  return {
    uid: `uid-${pod.name}`,
    namespace: 'prod',
    labels: {},
    serviceAccount: 'default',
    node: '',
    isHostNetwork: false,
    isFinished: false,
    addresses: [],
    ...pod,
  };
}

function coreServiceOf(service: Partial<CoreService> & { readonly name: string }): CoreService {
  return { namespace: 'prod', type: 'ClusterIP', clusterIps: [], ports: [], isOwned: false, ...service };
}

function sliceOf(slice: SliceText): EndpointSlice {
  const endpoints = (slice.endpoints ?? []).map((endpoint) => ({
    node: '',
    podUid: '',
    isReady: true,
    isServing: true,
    isTerminating: false,
    ...endpoint,
  }));
  const name = `${slice.service}-${slice.family ?? 4}`;
  return { namespace: 'prod', name, family: 4, ports: [], isOwned: false, ...slice, endpoints };
}
