import { type NodePlan, shared } from '../network/plan.ts';

/** CoreDNS beside the API server, outside of the cluster: it needs no pod network to begin with. */
export function corefile(kubeconfig: string): string {
  return `.:53 {
  errors
  ready
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    ttl 5
  }
  loop
}
`;
}

/** The Service by which pods find cluster DNS, and what its program may read. */
export function dnsManifest({ internal }: NodePlan): string {
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: quiver-lab-dns}
rules:
- {apiGroups: [""], resources: [services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: quiver-lab-dns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: quiver-lab-dns}
subjects: [{kind: User, name: "quiver:dns"}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: ${shared.dnsService}, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-host, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints: [{addresses: ["${internal.v4}"]}]
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
`;
}
