// oxlint-disable-next-line import/no-unassigned-import -- the library of certificates needs it loaded before itself
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { requestCertificate } from '../identity/certificate-request.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** What a certificate of a test says; times in milliseconds since the Unix epoch. */
export interface Wanted {
  readonly names: readonly { readonly type: 'dns' | 'url'; readonly value: string }[];
  readonly from?: number;
  readonly to?: number;
}

/** An authority for one test. */
export class TestAuthority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;
  #serial = 1;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(name: string): Promise<TestAuthority> {
    x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2120-01-01'),
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new TestAuthority(keys, certificate);
  }

  get pem(): string {
    return this.#certificate.toString('pem');
  }

  /** A certificate for the key of a request (PKCS #10, PEM). */
  async sign(request: string, { names, from, to }: Wanted): Promise<string> {
    const asked = new x509.Pkcs10CertificateRequest(request);
    this.#serial += 1;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.#serial.toString(16).padStart(2, '0'),
      subject: 'CN=test',
      issuer: this.#certificate.subject,
      publicKey: asked.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(from ?? Date.UTC(2020, 0)),
      notAfter: new Date(to ?? Date.UTC(2120, 0)),
      extensions: [new x509.SubjectAlternativeNameExtension([...names])],
    });
    return certificate.toString('pem');
  }

  /** A certificate with a key of its own. */
  async issue(wanted: Wanted): Promise<{ readonly certificate: string; readonly key: string }> {
    const { key, request } = await requestCertificate();
    return { key, certificate: await this.sign(request, wanted) };
  }
}
