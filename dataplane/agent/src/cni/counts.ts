/** What the plugin did since the start; keys of `requests` are `COMMAND result`. */
export interface CniCounts {
  readonly requests: ReadonlyMap<string, number>;
  /** Pods that were started without the operator's word, because it was not reached. */
  readonly unconfirmed: number;
  readonly pods: number;
  /** Undefined where another plugin gives the addresses. */
  readonly freeAddresses: number | undefined;
  readonly isInstalled: boolean;
}
