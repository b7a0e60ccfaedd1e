/** Error codes of the CNI specification that the agent uses. */
export const cniErrors = {
  unknownContainer: 3,
  badRequest: 4,
  tryAgainLater: 11,
  notAvailable: 50,
  notAvailableAndLimited: 51,
} as const;

/** What the plugin is told: addresses to set up (empty for a chained plugin), or why not. */
export interface CniAnswer {
  readonly addresses?: readonly string[];
  /** MTU of the pod's interface; 0 = the uplink's. */
  readonly mtu?: number;
  readonly error?: { readonly code: number; readonly msg: string; readonly details: string };
}

/** A request that cannot be done; its sentence is shown in the events of the pod. */
export class CniFailure extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = '') {
    super(message);
    this.name = 'CniFailure';
    this.code = code;
    this.details = details;
  }
}
