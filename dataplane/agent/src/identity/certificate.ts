import { createPrivateKey, X509Certificate } from 'node:crypto';

/** A node's certificate with its key, as PEM. */
export interface CertificateAndKey {
  readonly certificate: string;
  readonly key: string;
}

/** How long a certificate is good; milliseconds since the Unix epoch. */
export interface Validity {
  /** When two thirds of its life are over. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Until when this certificate can be used; undefined when it cannot: another key, another node, another authority, or
 * no certificate at all. What is expired has a validity in the past.
 */
export function validityOf(pair: CertificateAndKey, name: string, authority: string): Validity | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return undefined;
    if (certificate.subjectAltName !== `URI:${name}` || !isSignedBy(certificate, authority)) return undefined;
    const endsAt = Date.parse(certificate.validTo);
    const life = endsAt - Date.parse(certificate.validFrom);
    return { endsAt, renewAt: endsAt - life / 3 };
  } catch {
    return undefined;
  }
}

function isSignedBy(certificate: X509Certificate, authority: string): boolean {
  const signers = (authority.match(certificates) ?? []).map((pem) => new X509Certificate(pem));
  return signers.some((signer) => certificate.checkIssued(signer) && certificate.verify(signer.publicKey));
}
