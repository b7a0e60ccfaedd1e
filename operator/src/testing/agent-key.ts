import { exportKey, keyAlgorithm, newKeys, x509 } from '../identity/x509.ts';

/** The key of an agent and its request for a certificate, PEM. */
export interface AgentKey {
  readonly request: string;
  readonly key: string;
}

export async function newAgentKey(): Promise<AgentKey> {
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: keyAlgorithm });
  return { request: request.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** A request that names a key which its maker does not hold. */
export async function forgedRequest(): Promise<string> {
  const { request } = await newAgentKey();
  const der = Buffer.from(request.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  // The last byte belongs to the signature.
  der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}
