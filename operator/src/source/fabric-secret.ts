import { inspect } from 'node:util';
import { digestOf } from '../ir/canonical.ts';
import type { SecretDigest } from '../translate/input.ts';

/** One version of the fabric secret. Its bytes are in no text, whatever is printed or serialised. */
export class FabricSecret implements SecretDigest {
  readonly version: number;
  readonly secretId: string;
  readonly digest: string;
  readonly #bytes: Uint8Array;

  constructor(version: number, bytes: Uint8Array) {
    this.version = version;
    this.secretId = `fabric-secret-${version}`;
    this.digest = digestOf(bytes);
    this.#bytes = bytes;
  }

  /** The bytes, for the one place that sends them to a node. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toJSON(): string {
    return `[${this.secretId}, redacted]`;
  }

  toString(): string {
    return this.toJSON();
  }

  [inspect.custom](): string {
    return this.toJSON();
  }
}
