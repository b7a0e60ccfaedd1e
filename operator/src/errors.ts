/** Failures that are ours or the world's. A user's mistake is a `Problem` and is never thrown. */
export const errorCodes = {
  AuthorityInvalid: 'The authority that signs agents and operators cannot be read, made or used.',
  CertificateInvalid: 'A certificate, its key or its authority cannot be used.',
  ClusterRefused: 'The API server answered a call with a refusal.',
  ClusterUnreachable: 'The API server cannot be reached or does not permit what the operator needs.',
  InvariantBroken: 'The operator built an intermediate representation that contradicts itself.',
  LeadershipLost: 'This operator does not lead any more; it ends, so that it begins anew.',
  ListenFailed: 'The address for agents cannot be opened.',
  SchemaMissing: 'The custom resource definitions are not installed.',
  SchemaOutdated: 'The custom resource definitions are older than the operator.',
  SecretUnreadable: 'The file of a fabric secret cannot be read.',
  SettingsInvalid: 'A flag or an environment variable of the operator makes no sense.',
  SourceUnreadable: 'The resource directory or the router file cannot be read.',
  StatusUnwritable: 'The status file cannot be written.',
  Unexpected: 'Something failed that has no code of its own.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code; `cause` holds what was caught. */
export class QuiverError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'QuiverError';
    this.code = code;
  }
}

/** Turns any caught value into a `QuiverError`; one that has a code keeps it. */
export function fromUnknown(caught: unknown, code: ErrorCode = 'Unexpected'): QuiverError {
  if (caught instanceof QuiverError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new QuiverError(code, message, { cause: caught });
}
