// oxlint-disable-next-line import/no-unassigned-import -- the library of certificates needs it loaded before itself
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { wallClock } from '../../harness/eventually.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;
const YEARS = 3650 * DAY;

/** A certificate and its key, as PEM. */
export interface Pem {
  readonly certificate: string;
  readonly key: string;
}

/** Who a certificate is for. */
export interface Subject {
  /** User name for the API server. */
  readonly commonName: string;
  /** Group for the API server. */
  readonly organization?: string;
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

/** A cluster's certificate authority. */
export class Authority {
  readonly pem: Pem;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;
  #serial = 1;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate, key: string) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.pem = { certificate: certificate.toString('pem'), key };
  }

  static async create(name: string): Promise<Authority> {
    x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new Authority(keys, certificate, await keyPem(keys.privateKey));
  }

  /** A certificate for both ends of TLS. */
  async issue({ commonName, organization, dnsNames = [], addresses = [] }: Subject): Promise<Pem> {
    const keys = await newKeys();
    this.#serial += 1;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.#serial.toString(16).padStart(2, '0'),
      subject: [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }],
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        ...alternatives(dnsNames, addresses),
      ],
    });
    return { certificate: certificate.toString('pem'), key: await keyPem(keys.privateKey) };
  }
}

/** A key pair that signs tokens of service accounts. */
export async function signingKeys(): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  const keys = await newKeys();
  const exported = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  return { publicKey: x509.PemConverter.encode(exported, 'PUBLIC KEY'), privateKey: await keyPem(keys.privateKey) };
}

function alternatives(dnsNames: readonly string[], addresses: readonly string[]): x509.Extension[] {
  const dns = dnsNames.map((value) => ({ type: 'dns' as const, value }));
  const ip = addresses.map((value) => ({ type: 'ip' as const, value }));
  return dns.length + ip.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...dns, ...ip])];
}

/** Clocks of a paused virtual machine may be behind. */
function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(wallClock() - DAY), notAfter: new Date(wallClock() + YEARS) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
