/** Why an agent cannot start, or cannot go on. */
export const agentErrorCodes = {
  AddressUnusable: 'The address for metrics and health cannot be opened.',
  CertificateUnusable: 'A certificate, its key or its authority cannot be read.',
  CniUnusable: 'The socket, the configuration or the binary of the CNI plugin cannot be written.',
  EngineUnusable: 'The engine cannot start, or the machine refused what it needs.',
  EnrolmentRefused: 'The operator does not give this agent a certificate.',
  EnrolmentUnavailable: 'No operator that gives certificates is reached.',
  NoFreeAddress: 'There is no address for one more pod of this node.',
  RetirementRevoked: 'Quiver left this node, and is wanted here again.',
  SocketUnusable: 'The admin socket cannot be opened.',
  StateUnusable: 'The state directory cannot be written.',
} as const;

export type AgentErrorCode = keyof typeof agentErrorCodes;

/** An error with a stable code; its message is one sentence with the way out. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}

/** The text of anything that was caught. */
export function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}
