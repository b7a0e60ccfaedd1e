import { spawn } from 'node:child_process';

/** How a program ended and what it printed. */
export interface Outcome {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program ended otherwise than it had to. */
export class CommandError extends Error {
  readonly outcome: Outcome;

  constructor(command: readonly string[], outcome: Outcome) {
    const said = outcome.stderr.trim() || outcome.stdout.trim() || `exit code ${outcome.code}`;
    super(`${command.join(' ')}: ${said}`);
    this.name = 'CommandError';
    this.outcome = outcome;
  }
}

/** Runs a program to its end, whatever that is. */
export function run(command: readonly string[], input = ''): Promise<Outcome> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    // A program that ends without reading its input is no failure of ours.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Standard output of a program that has to succeed. */
export async function must(command: readonly string[], input = ''): Promise<string> {
  const outcome = await run(command, input);
  if (outcome.code !== 0) throw new CommandError(command, outcome);
  return outcome.stdout;
}
