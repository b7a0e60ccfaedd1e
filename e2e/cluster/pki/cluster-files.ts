import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Authority, type Pem, type Subject, signingKeys } from './authority.ts';
import { kubeconfig } from './kubeconfig.ts';

/** Who gets a certificate and a kubeconfig of its own. */
export interface ClusterIdentity {
  readonly cluster: string;
  /** Where clients find the API server. */
  readonly server: string;
  /** Names and addresses under which the API server is reached. */
  readonly apiServer: Pick<Subject, 'dnsNames' | 'addresses'>;
  readonly nodes: readonly { readonly name: string; readonly addresses: readonly string[] }[];
}

const users: Readonly<Record<string, Subject>> = {
  admin: { commonName: 'admin', organization: 'system:masters' },
  'controller-manager': { commonName: 'system:kube-controller-manager' },
  scheduler: { commonName: 'system:kube-scheduler' },
  proxy: { commonName: 'system:kube-proxy' },
  dns: { commonName: 'quiver:dns' },
};

/** Writes all certificates, keys and kubeconfigs of a cluster into `folder`, unless they are there. */
export async function writeClusterFiles(folder: string, identity: ClusterIdentity): Promise<void> {
  if (existsSync(join(folder, 'complete'))) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, content: string): Promise<void> =>
    writeFile(join(folder, name), content, { mode: 0o600 });
  const pair = async (name: string, { certificate, key }: Pem): Promise<void> => {
    await write(`${name}.crt`, certificate);
    await write(`${name}.key`, key);
  };
  const authority = await Authority.create(`quiver-${identity.cluster}`);
  const tokens = await signingKeys();
  await pair('ca', authority.pem);
  await write('tokens.pub', tokens.publicKey);
  await write('tokens.key', tokens.privateKey);
  await pair('apiserver', await authority.issue({ commonName: 'kube-apiserver', ...identity.apiServer }));
  for (const [name, subject] of subjects(identity)) {
    const pem = await authority.issue(subject);
    await pair(name, pem);
    await write(`${name}.kubeconfig`, kubeconfig(identity.cluster, identity.server, authority.pem.certificate, pem));
  }
  await write('complete', '');
}

function subjects({ nodes }: ClusterIdentity): [string, Subject][] {
  const kubelets = nodes.map(({ name, addresses }): [string, Subject] => [
    `node-${name}`,
    { commonName: `system:node:${name}`, organization: 'system:nodes', dnsNames: [name], addresses },
  ]);
  return [...Object.entries(users), ...kubelets];
}
