/** Why a node gets no certificate. Stable: label of a metric, and shown to the agent. */
export const enrolmentRefusals = {
  Busy: 'Too many requests wait already.',
  NotAnAgent: "The token is not of the agents' service account.",
  NotReady: 'This operator does not lead, or does not know the cluster yet.',
  PodUnknown: "The token's pod does not run on the node, or is not known yet.",
  RateLimited: 'The address asks too often.',
  RequestInvalid: 'The certificate request cannot be used.',
  TokenInvalid: 'The API server does not accept the token.',
  TokenMissing: 'There is no token.',
  TokenUnbound: 'The token is not bound to a pod and its node.',
  UnknownNode: 'The router has no such node.',
  WrongFabric: 'The node is set up for another fabric.',
  WrongNode: 'The token is bound to another node.',
  WrongRouter: 'The node is set up for another router.',
} as const;

export type EnrolmentRefusal = keyof typeof enrolmentRefusals;

/** Says no to an agent; the message is for the agent's log. */
export class EnrolmentRefused extends Error {
  readonly reason: EnrolmentRefusal;

  constructor(reason: EnrolmentRefusal, message: string = enrolmentRefusals[reason], options?: ErrorOptions) {
    super(message, options);
    this.name = 'EnrolmentRefused';
    this.reason = reason;
  }
}
