import type { NodeConfig, PathReport, Rejected } from '@quiver/dataplane-api';

/** What the operator knows of one node. */
export interface NodeReport {
  readonly node: string;
  /** The newest configuration for the node. */
  readonly wanted: NodeConfig;
  /** The configuration that the node acknowledged last, if any. */
  readonly acknowledged: NodeConfig | undefined;
  /** Why the node refused the newest configuration; empty when it did not. */
  readonly rejected: readonly Rejected[];
  readonly isConnected: boolean;
  readonly paths: readonly PathReport[];
}
