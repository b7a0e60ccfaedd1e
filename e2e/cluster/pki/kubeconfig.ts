import { stringify } from 'yaml';
import type { Pem } from './authority.ts';

/** A kubeconfig that holds everything itself, so that it is good from any folder. */
export function kubeconfig(name: string, server: string, authority: string, client: Pem): string {
  const encode = (pem: string): string => Buffer.from(pem).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': encode(authority) } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': encode(client.certificate), 'client-key-data': encode(client.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
