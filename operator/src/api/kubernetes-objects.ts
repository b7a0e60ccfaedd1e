/** What the translation reads of a cluster: objects of the core API, cut down to the fields that matter. */
export interface KubernetesObjects {
  readonly nodes: readonly KubernetesNode[];
  readonly namespaces: readonly KubernetesNamespace[];
  readonly pods: readonly KubernetesPod[];
  readonly coreServices: readonly CoreService[];
  readonly endpointSlices: readonly EndpointSlice[];
}

export type Labels = Readonly<Record<string, string>>;

export interface KubernetesNode {
  readonly name: string;
  readonly uid: string;
  readonly addresses: readonly NodeAddress[];
  /** Annotation `quiver.dev/waypoint`: addresses, separated by commas. */
  readonly waypointAnnotation?: string | undefined;
  /** Prefixes from which the node's pods get their addresses, where the cluster hands them out. */
  readonly podCidrs: readonly string[];
  /** It carries the taint that keeps pods away until its agent forwards. */
  readonly isTainted: boolean;
}

export interface NodeAddress {
  readonly type: 'InternalIP' | 'ExternalIP';
  readonly address: string;
}

export interface KubernetesNamespace {
  readonly name: string;
  readonly labels: Labels;
}

export interface KubernetesPod {
  /** By which its node knows it; of a static pod not that of its mirror. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** Empty until it is scheduled. */
  readonly node: string;
  readonly isHostNetwork: boolean;
  /** Succeeded or failed: its addresses may belong to another pod by now. */
  readonly isFinished: boolean;
  readonly addresses: readonly string[];
}

export interface CoreService {
  readonly namespace: string;
  readonly name: string;
  /** `spec.type`, which is ClusterIP where the object does not say; a headless Service is one, too. */
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  readonly clusterIps: readonly string[];
  readonly ports: readonly CoreServicePort[];
  /** Made by this operator for a Quiver Service, so that its name resolves. */
  readonly isOwned: boolean;
}

export interface CoreServicePort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
}

export interface EndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** Name of the core Service, in the same namespace. */
  readonly service: string;
  readonly family: 4 | 6;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
  /** Made by this operator for a Quiver Service. */
  readonly isOwned: boolean;
}

export interface EndpointPort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
}

export interface Endpoint {
  readonly address: string;
  readonly node: string;
  readonly podUid: string;
  readonly isReady: boolean;
  /** Still serves what it has, while it ends. */
  readonly isServing: boolean;
  readonly isTerminating: boolean;
}
