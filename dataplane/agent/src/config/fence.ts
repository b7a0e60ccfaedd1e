import type { Rejected } from '@quiver/dataplane-api';

interface Numbered {
  readonly epoch: bigint;
  readonly version: bigint;
}

/** Keeps an operator that lost its leadership, or an overtaken message, from undoing what is newer. */
export class Fence {
  #epoch: bigint;
  #version = 0n;

  /** `epoch` is the highest one seen before. */
  constructor(epoch = 0n) {
    this.#epoch = epoch;
  }

  /** Why the configuration is too old; undefined when it may be taken, which is then the newest one seen. */
  check({ epoch, version }: Numbered): Rejected | undefined {
    if (epoch < this.#epoch) {
      const message = `epoch ${epoch} is older than epoch ${this.#epoch}, which this node has followed; another operator leads`;
      return { code: 'StaleEpoch', field: '', message };
    }
    if (epoch === this.#epoch && version < this.#version) {
      const message = `version ${version} is older than version ${this.#version} of the same epoch`;
      return { code: 'StaleVersion', field: '', message };
    }
    this.#epoch = epoch;
    this.#version = version;
    return undefined;
  }
}
