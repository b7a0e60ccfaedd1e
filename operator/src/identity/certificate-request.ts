import { webcrypto } from 'node:crypto';
import { EnrolmentRefused } from './enrolment-refused.ts';
import { keyAlgorithm, x509 } from './x509.ts';

/** Characters; a request with a P-256 key has about 500. */
const maxLength = 8_192;

/**
 * The public key of a PKCS #10 request in PEM whose signature shows that the caller holds the private key.
 * Names in it are not looked at. Rejects with `RequestInvalid`.
 */
export async function readCertificateRequest(pem: string): Promise<webcrypto.CryptoKey> {
  if (pem.length > maxLength) throw invalid(`it has ${pem.length} characters; ${maxLength} are the most`);
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string };
    if (name !== 'ECDSA' || namedCurve !== 'P-256') throw invalid('its key is not ECDSA P-256');
    if (!(await request.verify())) throw invalid('its signature does not fit its key');
    return await webcrypto.subtle.importKey('spki', request.publicKey.rawData, keyAlgorithm, true, ['verify']);
  } catch (caught) {
    if (caught instanceof EnrolmentRefused) throw caught;
    throw invalid(caught instanceof Error ? caught.message : String(caught), caught);
  }
}

function invalid(reason: string, cause?: unknown): EnrolmentRefused {
  return new EnrolmentRefused('RequestInvalid', `the certificate request cannot be used: ${reason}`, { cause });
}
