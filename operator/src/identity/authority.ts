import { createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto';
import { QuiverError } from '../errors.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { exportKey, importKey, type KeyPair, keyAlgorithm, newKeys, newSerialNumber, x509 } from './x509.ts';

const minute = 60_000;
const year = 365 * 24 * 60 * minute;

/** How far a node's clock may be behind. */
const clockMarginMilliseconds = 5 * minute;

/** Validity of an agent's certificate. */
export const nodeCertificateMilliseconds = 60 * minute;

/** Validity of the operator's own certificate. */
export const serverCertificateMilliseconds = 24 * 60 * minute;

const authorityMilliseconds = 10 * year;

/** What an agent's certificate says. */
export interface NodeIdentity {
  /** `spiffe://FABRIC/router/ROUTER/node/NODE`. */
  readonly uri: string;
  /** The agent's pod; the subject, so that the certificate ends with the pod. */
  readonly podUid: string;
}

/** Signs the certificates of agents and operators of one router. */
export class Authority {
  /** Every certificate to be trusted, PEM: while authorities are exchanged these are several. */
  readonly bundle: string;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(bundle: string, certificate: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.bundle = bundle;
    this.#certificate = certificate;
    this.#key = key;
  }

  /** A new authority. `now` in milliseconds since the Unix epoch. */
  static async create(name: string, now: number): Promise<KeyPair> {
    const keys = await newKeys();
    const serialNumber = newSerialNumber();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber,
      // A name of its own: two authorities that are trusted at the same time must not be taken for each other.
      name: [{ O: ['Quiver'] }, { CN: [`${name} ${serialNumber.slice(0, 8)}`] }],
      keys,
      signingAlgorithm: keyAlgorithm,
      notBefore: new Date(now - clockMarginMilliseconds),
      notAfter: new Date(now + authorityMilliseconds),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: `${await exportKey(keys.privateKey)}\n` };
  }

  /**
   * An authority from PEM. The certificate that fits the key signs; all are trusted.
   * Rejects with `AuthorityInvalid` when none fits, is an authority, or holds at `now`.
   */
  static async load({ certificate: bundle, key }: KeyPair, now: number): Promise<Authority> {
    try {
      const signing = signingCertificate(bundle, key);
      if (Date.parse(signing.validTo) <= now) throw new Error(`the certificate ended at ${signing.validTo}`);
      return new Authority(bundle, new x509.X509Certificate(signing.raw), await importKey(key));
    } catch (caught) {
      const reason = caught instanceof Error ? caught.message : String(caught);
      const message = `the authority cannot be used: ${reason}`;
      throw new QuiverError('AuthorityInvalid', message, { cause: caught });
    }
  }

  /** End of the signing certificate, in milliseconds since the Unix epoch. */
  get notAfter(): number {
    return this.#certificate.notAfter.getTime();
  }

  /** A certificate for the key of the request. Rejects with `RequestInvalid` when the caller does not hold that key. */
  async issueNode(request: string, { uri, podUid }: NodeIdentity, now: number): Promise<string> {
    const publicKey = await readCertificateRequest(request);
    return this.#issue({
      publicKey,
      subject: [{ CN: [podUid] }],
      names: [{ type: 'url', value: uri }],
      usage: x509.ExtendedKeyUsage.clientAuth,
      notBefore: now - clockMarginMilliseconds,
      notAfter: now + nodeCertificateMilliseconds,
    });
  }

  /** A new key with a certificate for a server of these DNS names. */
  async issueServer(dnsNames: readonly string[], now: number): Promise<KeyPair> {
    const keys = await newKeys();
    const certificate = await this.#issue({
      publicKey: keys.publicKey,
      subject: [{ CN: [dnsNames[0] ?? ''] }],
      names: dnsNames.map((value) => ({ type: 'dns', value })),
      usage: x509.ExtendedKeyUsage.serverAuth,
      notBefore: now - clockMarginMilliseconds,
      notAfter: now + serverCertificateMilliseconds,
    });
    return { certificate, key: await exportKey(keys.privateKey) };
  }

  async #issue(order: CertificateOrder): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerialNumber(),
      subject: order.subject,
      issuer: this.#certificate.subjectName,
      publicKey: order.publicKey,
      signingKey: this.#key,
      signingAlgorithm: keyAlgorithm,
      notBefore: new Date(order.notBefore),
      notAfter: new Date(Math.min(order.notAfter, this.notAfter)),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([order.usage]),
        new x509.SubjectAlternativeNameExtension([...order.names]),
        await x509.SubjectKeyIdentifierExtension.create(order.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }
}

interface CertificateOrder {
  readonly publicKey: webcrypto.CryptoKey;
  readonly subject: x509.JsonName;
  readonly names: readonly { readonly type: 'dns' | 'url'; readonly value: string }[];
  readonly usage: x509.ExtendedKeyUsage;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The single certificates of a PEM text. */
export function splitCertificates(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

function signingCertificate(bundle: string, keyPem: string): X509Certificate {
  const certificates = splitCertificates(bundle).map((pem) => new X509Certificate(pem));
  if (certificates.length === 0) throw new Error('there is no certificate');
  const key = createPrivateKey(keyPem);
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('its key is not ECDSA P-256');
  const signing = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (signing === undefined) throw new Error('its key fits none of its certificates');
  if (!signing.ca) throw new Error('its certificate is not that of an authority');
  return signing;
}
