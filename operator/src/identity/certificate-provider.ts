import type { experimental } from '@grpc/grpc-js';

type AuthorityListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/** A certificate with its key, and the authorities to be trusted, PEM. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

/** Certificates that never touch a disk and can be exchanged while connections are served. */
export class MemoryCertificates implements experimental.CertificateProvider {
  readonly #authorityListeners = new Set<AuthorityListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  #material: TlsMaterial | undefined;

  /** From now on handshakes use these. */
  update(material: TlsMaterial): void {
    this.#material = material;
    for (const listener of this.#authorityListeners) listener(authorityOf(material));
    for (const listener of this.#identityListeners) listener(identityOf(material));
  }

  addCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.add(listener);
    this.#soon(this.#authorityListeners, listener, authorityOf);
  }

  removeCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    this.#soon(this.#identityListeners, listener, identityOf);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  // The server credentials do not take what a listener is told while it is being added.
  #soon<T>(
    listeners: ReadonlySet<(update: T) => void>,
    listener: (update: T) => void,
    of: (all: TlsMaterial) => T,
  ): void {
    queueMicrotask(() => {
      if (this.#material !== undefined && listeners.has(listener)) listener(of(this.#material));
    });
  }
}

function authorityOf({ authority }: TlsMaterial): experimental.CaCertificateUpdate {
  return { caCertificate: Buffer.from(authority) };
}

function identityOf({ certificate, key }: TlsMaterial): experimental.IdentityCertificateUpdate {
  return { certificate: Buffer.from(certificate), privateKey: Buffer.from(key) };
}
