import { isDeepStrictEqual } from 'node:util';
import type {
  CoreService,
  CoreServicePort,
  Endpoint,
  EndpointPort,
  EndpointSlice,
  KubernetesNamespace,
  KubernetesNode,
  KubernetesPod,
  NodeAddress,
} from '../../api/kubernetes-objects.ts';
import { ownedBy } from '../../dns/owned-objects.ts';
import { type StoredObject, strip } from '../../kubernetes/client/kube-object.ts';
import { list, numberIn, recordIn, records, textIn, texts } from './fields.ts';

/** Keeps pods away from a node until its agent forwards. */
const taintKey = 'quiver.dev/agent-not-ready';

/** A node as the translation reads it, and its taints as they were read. */
export interface KeptNode {
  readonly node: KubernetesNode;
  readonly taints: readonly { readonly key: string; readonly [field: string]: unknown }[];
}

/** An object of the cluster, and the whole of it where it is the operator's own. */
export interface KeptOwnable<T> {
  readonly value: T;
  readonly owned: StoredObject | undefined;
}

export function keepNode({ metadata, spec, status }: StoredObject, before: KeptNode | undefined): KeptNode {
  const { name, uid, annotations = {} } = metadata;
  const taints = records(spec, 'taints').map((taint) => ({ ...taint, key: textIn(taint, 'key') }));
  const podCidrs = texts(list(spec, 'podCIDRs'));
  const single = textIn(spec, 'podCIDR');
  const waypointAnnotation = annotations['quiver.dev/waypoint'];
  const node: KubernetesNode = {
    name,
    uid,
    addresses: records(status, 'addresses').flatMap(nodeAddress),
    ...(waypointAnnotation === undefined ? {} : { waypointAnnotation }),
    podCidrs: podCidrs.length === 0 && single !== '' ? [single] : podCidrs,
    isTainted: taints.some(({ key }) => key === taintKey),
  };
  return { node: same(before?.node, node), taints };
}

export function keepNamespace({ metadata }: StoredObject): KubernetesNamespace {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}

export function keepPod({ metadata, spec, status }: StoredObject): KubernetesPod {
  const addresses = texts(records(status, 'podIPs').map(({ ip }) => ip));
  const single = textIn(status, 'podIP');
  const phase = textIn(status, 'phase');
  return {
    uid: uidOnNode(metadata),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    serviceAccount: textIn(spec, 'serviceAccountName') || 'default',
    node: textIn(spec, 'nodeName'),
    isHostNetwork: recordIn(spec)['hostNetwork'] === true,
    isFinished: phase === 'Succeeded' || phase === 'Failed',
    addresses: addresses.length === 0 && single !== '' ? [single] : addresses,
  };
}

// A static pod is known to its node and to container runtimes by a uid of the kubelet's own; the API holds its mirror.
function uidOnNode({ uid, annotations = {} }: StoredObject['metadata']): string {
  const isMirror = annotations['kubernetes.io/config.mirror'] !== undefined;
  return (isMirror ? annotations['kubernetes.io/config.hash'] : undefined) ?? uid;
}

export function keepCoreService(
  object: StoredObject,
  before: KeptOwnable<CoreService> | undefined,
): KeptOwnable<CoreService> {
  const { metadata, spec } = object;
  const single = textIn(spec, 'clusterIP');
  const clusterIps = texts(list(spec, 'clusterIPs'));
  const isOwned = isManaged(object);
  const value: CoreService = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    type: serviceType(textIn(spec, 'type')),
    clusterIps: clusterIps.length === 0 && single !== '' ? [single] : clusterIps,
    // Nobody is led by the ports of ours, and their change shall cause no translation.
    ports: isOwned ? [] : records(spec, 'ports').map(servicePort),
    isOwned,
  };
  return { value: same(before?.value, value), owned: isOwned ? strip(object) : undefined };
}

/** Undefined for a slice of names instead of addresses, which nobody can be sent to. */
export function keepEndpointSlice(
  object: StoredObject,
  before: KeptOwnable<EndpointSlice> | undefined,
): KeptOwnable<EndpointSlice> | undefined {
  const { metadata } = object;
  const addressType = object['addressType'];
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return undefined;
  const isOwned = isManaged(object);
  const value: EndpointSlice = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    service: metadata.labels?.['kubernetes.io/service-name'] ?? '',
    family: addressType === 'IPv4' ? 4 : 6,
    ports: records(object, 'ports').flatMap(endpointPort),
    endpoints: records(object, 'endpoints').flatMap(endpointsOf),
    isOwned,
  };
  return { value: same(before?.value, value), owned: isOwned ? strip(object) : undefined };
}

function isManaged({ metadata }: StoredObject): boolean {
  return metadata.labels?.['app.kubernetes.io/managed-by'] === ownedBy;
}

function nodeAddress(address: Record<string, unknown>): readonly NodeAddress[] {
  const type = address['type'];
  const text = textIn(address, 'address');
  return (type === 'InternalIP' || type === 'ExternalIP') && text !== '' ? [{ type, address: text }] : [];
}

function serviceType(type: string): CoreService['type'] {
  return type === 'NodePort' || type === 'LoadBalancer' || type === 'ExternalName' ? type : 'ClusterIP';
}

function servicePort(port: Record<string, unknown>): CoreServicePort {
  return { name: textIn(port, 'name'), protocol: protocolIn(port), port: numberIn(port, 'port') };
}

/** A port without a number stands for all of them, which a route never names. */
function endpointPort(port: Record<string, unknown>): readonly EndpointPort[] {
  const number = numberIn(port, 'port');
  return number === 0 ? [] : [{ name: textIn(port, 'name'), protocol: protocolIn(port), port: number }];
}

function protocolIn(port: Record<string, unknown>): 'TCP' | 'UDP' | 'SCTP' {
  const protocol = port['protocol'];
  return protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP';
}

/** One for each address, so that each can be counted. What is not said means ready, as the API has it. */
function endpointsOf(endpoint: Record<string, unknown>): readonly Endpoint[] {
  const conditions = recordIn(endpoint['conditions']);
  const isReady = conditions['ready'] !== false;
  const target = recordIn(endpoint['targetRef']);
  const shared = {
    node: textIn(endpoint, 'nodeName'),
    podUid: target['kind'] === 'Pod' ? textIn(target, 'uid') : '',
    isReady,
    isServing: typeof conditions['serving'] === 'boolean' ? conditions['serving'] : isReady,
    isTerminating: conditions['terminating'] === true,
  };
  return texts(list(endpoint, 'addresses')).map((address) => ({ address, ...shared }));
}

function same<T>(before: T | undefined, now: T): T {
  return before !== undefined && isDeepStrictEqual(before, now) ? before : now;
}
