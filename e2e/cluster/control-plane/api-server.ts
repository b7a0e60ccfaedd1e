import { join } from 'node:path';

export interface ApiServerPlace {
  /** Folder of certificates and keys. */
  readonly pki: string;
  /** Folder for the audit policy and the audit log. */
  readonly folder: string;
  readonly etcd: { readonly client: string };
  /** Port of the API. */
  readonly port: number;
  /** Listens there only; everywhere when absent. */
  readonly bindAddress?: string;
  /** What the Service `kubernetes` leads to. */
  readonly advertiseAddress: string;
  readonly serviceCidrs: readonly string[];
}

/**
 * Writes are counted by who made them: that nothing is written at rest is a promise of the operator. Reads are told
 * for the service accounts of Quiver alone.
 */
export const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: Metadata, verbs: [create, update, patch, delete, deletecollection]}
- {level: Metadata, userGroups: ["system:serviceaccounts:quiver-system"]}
- {level: None}
`;

/** Files of the audit inside the folder. */
export const auditFiles = { policy: 'audit-policy.yaml', log: 'audit.log' } as const;

export function apiServerCommand(place: ApiServerPlace): string[] {
  const pki = (name: string): string => join(place.pki, name);
  return [
    'kube-apiserver',
    `--etcd-servers=${place.etcd.client}`,
    `--service-cluster-ip-range=${place.serviceCidrs.join(',')}`,
    `--advertise-address=${place.advertiseAddress}`,
    ...(place.bindAddress === undefined ? [] : [`--bind-address=${place.bindAddress}`]),
    `--secure-port=${place.port}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--service-account-key-file=${pki('tokens.pub')}`,
    `--service-account-signing-key-file=${pki('tokens.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    `--kubelet-client-certificate=${pki('admin.crt')}`,
    `--kubelet-client-key=${pki('admin.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--audit-policy-file=${join(place.folder, auditFiles.policy)}`,
    `--audit-log-path=${join(place.folder, auditFiles.log)}`,
  ];
}

export interface EtcdPlace {
  readonly data: string;
  readonly client: string;
  readonly peer: string;
}

/** Nothing of it has to outlive a crash of the host, so it does not wait for the disk. */
export function etcdCommand({ data, client, peer }: EtcdPlace): string[] {
  return [
    'etcd',
    `--data-dir=${data}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}
