// oxlint-disable-next-line import/no-unassigned-import -- the library of certificates needs it loaded before itself
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { cryptoProvider, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

/** A new key and the request for a certificate of it, both PEM. */
export interface CertificateRequest {
  /** PKCS #8. */
  readonly key: string;
  /** PKCS #10. */
  readonly request: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Makes a key (ECDSA, P-256) and asks for a certificate of it. What the certificate names, the operator decides. */
export async function requestCertificate(): Promise<CertificateRequest> {
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0]);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=quiver-agent',
    keys,
    signingAlgorithm: algorithm,
  });
  const key = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' });
  return { key: String(key), request: request.toString('pem') };
}
