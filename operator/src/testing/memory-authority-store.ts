import type { AuthorityStore, StoredAuthority } from '../identity/authority-keeper.ts';
import type { KeyPair } from '../identity/x509.ts';

/** A place for an authority, in memory, that several operators can share. */
export class MemoryAuthorityStore implements AuthorityStore {
  readonly published: string[] = [];
  stored: StoredAuthority | undefined = { certificate: '', key: '', version: '1' };
  /** Set: every read fails with it. */
  failure: Error | undefined;

  read(): Promise<StoredAuthority | undefined> {
    return this.failure === undefined ? Promise.resolve(this.stored) : Promise.reject(this.failure);
  }

  write(authority: KeyPair, version: string): Promise<boolean> {
    if (this.stored?.version !== version) return Promise.resolve(false);
    this.put(authority);
    return Promise.resolve(true);
  }

  publish(bundle: string): Promise<void> {
    if (this.published.at(-1) !== bundle) this.published.push(bundle);
    return Promise.resolve();
  }

  /** Puts an authority there as a person would. */
  put({ certificate, key }: KeyPair): void {
    this.stored = { certificate, key, version: String(Number(this.stored?.version ?? 0) + 1) };
  }
}
