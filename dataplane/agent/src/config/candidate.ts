import type { NodeConfig } from '@quiver/dataplane-api';
import type { Secrets } from './secrets.ts';

/** A configuration that may come into force. */
export interface Candidate {
  readonly version: bigint;
  readonly epoch: bigint;
  /** SHA-256 of the configuration's bytes, hex. */
  readonly digest: string;
  readonly config: NodeConfig;
  readonly secrets: Secrets;
  readonly origin: 'Operator' | 'LastGood';
}
