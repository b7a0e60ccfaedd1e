import { problemReasons } from '../translate/problem.ts';

export type ConditionType = 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Established' | 'DNSPublished' | 'Ready';
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** Reasons that come from the state of nodes and paths and not from a mistake. */
export const stateReasons = {
  Accepted: 'The object makes sense and is in force as far as its references hold.',
  NoNodes: 'The router has no node that could run anything.',
  NodeRejected: 'A node refused the configuration; it goes on with the one before.',
  NoPath: 'No path to the peer answers.',
  NotAccepted: 'Nothing of the object is in the configuration; see the other conditions.',
  PathUp: 'At least one path to the peer answers.',
  Pending: 'Not every node has answered yet.',
  Programmed: 'Every node runs the object as it is now.',
  Published: 'The cluster answers for the name with the addresses of the service.',
  Ready: 'Everything about the object holds.',
  ResolvedRefs: 'Everything that the object names exists.',
} as const;

/** Every reason that a condition can have. Stable. */
export const conditionReasons: Readonly<Record<string, string>> = {
  ...stateReasons,
  ...Object.fromEntries(Object.entries(problemReasons).map(([reason, { meaning }]) => [reason, meaning])),
};

export type ConditionReason = keyof typeof stateReasons | keyof typeof problemReasons;

/** One observation about an object, as Kubernetes writes it. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: ConditionReason;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; changes with the status only. */
  readonly lastTransitionTime: string;
}

/** An observation before it is compared with the one before. */
export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
