import { ownedBy } from '../dns/owned-objects.ts';
import type { KubeObject } from '../kubernetes/client/kube-object.ts';
import type { ClusterSettings } from './settings.ts';

export type EndpointSettings = Pick<
  ClusterSettings,
  'namespace' | 'podName' | 'podUid' | 'podIps' | 'name' | 'configListen' | 'enrolListen'
>;

/**
 * The EndpointSlices that lead agents to this operator, one per family; empty ones when it does not serve. They belong
 * to the pod, so that nothing of them stays when the last operator is gone. Pure.
 */
export function operatorEndpoints(settings: EndpointSettings, isServing: boolean): readonly KubeObject[] {
  return ([4, 6] as const).flatMap((family) => {
    const address = settings.podIps.find((ip) => ip.includes(':') === (family === 6));
    return address === undefined ? [] : [slice(settings, family, isServing ? [address] : [])];
  });
}

function slice(settings: EndpointSettings, family: 4 | 6, addresses: readonly string[]): KubeObject {
  const { namespace, name, podName, podUid, configListen, enrolListen } = settings;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: family === 4 ? name : `${name}-ipv6`,
      labels: {
        'kubernetes.io/service-name': name,
        'endpointslice.kubernetes.io/managed-by': ownedBy,
        'app.kubernetes.io/managed-by': ownedBy,
        'app.kubernetes.io/part-of': 'quiver',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid: podUid }],
    },
    addressType: `IPv${family}`,
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace, name: podName, uid: podUid },
    })),
    ports: [
      { name: 'config', protocol: 'TCP', port: portOf(configListen) },
      { name: 'enrol', protocol: 'TCP', port: portOf(enrolListen) },
    ],
  };
}

function portOf(listen: string): number {
  return Number(listen.slice(listen.lastIndexOf(':') + 1));
}
