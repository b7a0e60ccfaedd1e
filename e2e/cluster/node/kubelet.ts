import { join } from 'node:path';
import { stringify } from 'yaml';
import { shared } from '../network/plan.ts';
import { containerdSocket } from './containerd.ts';

export interface KubeletPlace {
  readonly node: string;
  readonly pki: string;
  /** Folder with the node's own files, `resolv.conf` among them. */
  readonly folder: string;
  readonly controlGroup: string;
}

/** Configuration of kubelet. */
export function kubeletConfig({ node, pki, folder, controlGroup }: KubeletPlace): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${controlGroup}`,
    // Hosts with the old hierarchies are refused otherwise.
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    clusterDNS: [shared.dnsService],
    clusterDomain: 'cluster.local',
    resolvConf: join(folder, 'resolv.conf'),
    enforceNodeAllocatable: [],
    // Zero is refused.
    evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    nodeStatusUpdateFrequency: '5s',
    tlsCertFile: join(pki, `node-${node}.crt`),
    tlsPrivateKeyFile: join(pki, `node-${node}.key`),
  });
}

/** Configuration of kube-proxy. */
export function proxyConfig(node: string, pki: string): string {
  return stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: join(pki, 'proxy.kubeconfig') },
    hostnameOverride: node,
    clusterCIDR: Object.values(shared.podCidrs).join(','),
    // Everything else would be written to settings of the whole host.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
}
