import type { Clock, Timer } from '../clock.ts';
import { fromUnknown, QuiverError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Authority, serverCertificateMilliseconds } from './authority.ts';
import type { MemoryCertificates } from './certificate-provider.ts';
import type { KeyPair } from './x509.ts';

/** A stored authority; both texts are empty before the first operator has made one. */
export interface StoredAuthority extends KeyPair {
  /** Of the stored object; a write names it. */
  readonly version: string;
}

/** Where the authority of the router is kept. */
export interface AuthorityStore {
  /** Undefined when there is no place for one. */
  read(): Promise<StoredAuthority | undefined>;
  /** False when somebody else wrote since `version`; nothing is changed then. */
  write(authority: KeyPair, version: string): Promise<boolean>;
  /** Tells agents which certificates to trust. Writes only what differs. */
  publish(bundle: string): Promise<void>;
}

export interface AuthorityKeeperDeps {
  readonly store: AuthorityStore;
  /** Gets the operator's own certificate. */
  readonly certificates: MemoryCertificates;
  /** Name of a new authority. */
  readonly name: string;
  /** Names under which agents call the operator. */
  readonly dnsNames: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the stored authority is looked at: an exchange of authorities needs no restart. */
export const authorityRefreshMilliseconds = 60_000;

/** Share of a certificate's life after which there is a new one. */
const renewalShare = 2 / 3;

/** Keeps the authority and the operator's own certificate. */
export class AuthorityKeeper {
  readonly #deps: AuthorityKeeperDeps;
  #stored: StoredAuthority | undefined;
  #authority: Authority | undefined;
  #renewAt = 0;
  #timer: Timer | undefined;
  #told = '';
  #isBusy = false;

  constructor(deps: AuthorityKeeperDeps) {
    this.#deps = deps;
  }

  /** Undefined while none could be read. */
  get authority(): Authority | undefined {
    return this.#authority;
  }

  /** Reads the authority, or makes it. Rejects with a `QuiverError` when there is none to begin with. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#timer = this.#deps.clock.every(authorityRefreshMilliseconds, () => void this.#keepUp());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #keepUp(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#refresh();
      this.#told = '';
    } catch (caught) {
      const { code, message } = fromUnknown(caught);
      // The same again and again is one line.
      if (this.#told !== message)
        this.#deps.logger.error('the former authority stays in use', { code, reason: message });
      this.#told = message;
    } finally {
      this.#isBusy = false;
    }
  }

  async #refresh(): Promise<void> {
    const { clock, store, certificates, dnsNames } = this.#deps;
    const stored = await this.#readOrMake();
    const isChanged = stored.certificate !== this.#stored?.certificate || stored.key !== this.#stored.key;
    const authority = isChanged ? await Authority.load(stored, clock.now()) : this.#authority;
    if (authority === undefined) return;
    await store.publish(authority.bundle);
    if (isChanged || clock.now() >= this.#renewAt) {
      const own = await authority.issueServer(dnsNames, clock.now());
      certificates.update({ ...own, authority: authority.bundle });
      this.#renewAt = clock.now() + serverCertificateMilliseconds * renewalShare;
    }
    if (isChanged && this.#stored !== undefined) this.#deps.logger.info('the authority was exchanged');
    this.#stored = stored;
    this.#authority = authority;
  }

  async #readOrMake(): Promise<StoredAuthority> {
    const { store, name, clock, logger } = this.#deps;
    const stored = await store.read();
    if (stored === undefined)
      throw new QuiverError('AuthorityInvalid', 'there is no Secret for the authority; install the chart again');
    if (stored.certificate !== '' || stored.key !== '') return stored;
    if (this.#authority !== undefined)
      throw new QuiverError(
        'AuthorityInvalid',
        'the Secret of the authority was emptied; restart the operator for a new one',
      );
    const made = await Authority.create(name, clock.now());
    if (await store.write(made, stored.version)) logger.info('a new authority was made');
    // Whoever was first: what is stored counts.
    const winner = await store.read();
    if (winner === undefined || winner.certificate === '')
      throw new QuiverError('AuthorityInvalid', 'the authority that was written is not there');
    return winner;
  }
}
