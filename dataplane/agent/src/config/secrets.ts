import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { NodeConfig, SecretMaterial } from '@quiver/dataplane-api';

/** Secret bytes that belong to a configuration. They are in no text, whatever is printed or serialised. */
export class Secrets {
  readonly #materials: readonly SecretMaterial[];

  constructor(materials: readonly SecretMaterial[]) {
    this.#materials = materials;
  }

  /** The bytes, for the engine and for the file that holds nothing else. */
  reveal(): readonly SecretMaterial[] {
    return this.#materials;
  }

  /** Whether every version that the configuration names is here, unchanged. */
  isCompleteFor({ keySource }: NodeConfig): boolean {
    const digests = new Map(this.#materials.map(({ secretId, value }) => [secretId, digestOf(value)]));
    return (keySource?.sharedSecret?.versions ?? []).every(
      ({ secretId, digest }) => digests.get(secretId) === digest.toLowerCase(),
    );
  }

  toJSON(): string {
    return `[${this.#materials.length} secrets, redacted]`;
  }

  toString(): string {
    return this.toJSON();
  }

  [inspect.custom](): string {
    return this.toJSON();
  }
}

function digestOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('hex');
}
