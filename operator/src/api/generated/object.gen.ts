// Generated from crds/ by `npm run gen`. Do not edit.

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One observation. */
export interface Condition {
  /** What is observed. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** Why, as a stable CamelCase word for programs. */
  readonly reason: string;
  /** Why, as a sentence for people. */
  readonly message: string;
  /** The generation of the object that was looked at. */
  readonly observedGeneration?: number;
  /** When the status last changed. */
  readonly lastTransitionTime: string;
}
