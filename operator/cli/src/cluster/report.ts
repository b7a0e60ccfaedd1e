import type { CliContext } from '../context.ts';
import { exitCodes } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { failuresOf, type NodeAnswer } from './ask.ts';

/** What a command that asks clusters prints to and ends with. */
export interface Reporting {
  readonly context: CliContext;
  readonly outcome: Outcome;
}

/** Tells on stderr which nodes did not answer; then what is printed is not the whole, and the exit code is 1. */
export function reportFailures(answers: readonly NodeAnswer<unknown>[], { context, outcome }: Reporting): void {
  const failures = failuresOf(answers);
  for (const failure of failures) context.stderr.write(`${failure}\n`);
  if (failures.length > 0) outcome.exitCode = exitCodes.failure;
}
