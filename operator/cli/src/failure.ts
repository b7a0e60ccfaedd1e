/** Ends a command with a sentence for the user and an exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** The command line makes no sense. */
export function usageFailure(message: string): Failure {
  return new Failure(message, exitCodes.usage);
}
