import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';

interface ValidateOptions {
  readonly filename: readonly string[];
  readonly output: 'text' | 'json' | 'yaml';
}

export function validateCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('validate')
    .description('check files as the API server and the operator would, with file and line')
    .requiredOption('-f, --filename <place...>', 'files, directories, or - for stdin')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addHelpText('after', '\nExit code 1: something is wrong. Warnings alone are not.')
    .action((options: ValidateOptions) => validate(options, context, outcome));
}

async function validate({ filename, output }: ValidateOptions, context: CliContext, outcome: Outcome): Promise<void> {
  const [{ loadOffline, problemLines }, { isWarning }] = await Promise.all([
    import('../offline/load.ts'),
    import('@quiver/operator'),
  ]);
  const { problems, files, objects } = await loadOffline(filename, context);
  const warnings = problems.filter(isWarning).length;
  const errors = problems.length - warnings;
  if (output === 'text') for (const line of problemLines(problems)) context.stdout.write(`${line}\n`);
  else context.stdout.write(structured({ errors, warnings, problems }, output));
  context.stderr.write(
    `${count(objects, 'object')} in ${count(files, 'file')}: ${count(errors, 'error')}, ${count(warnings, 'warning')}\n`,
  );
  if (errors > 0) outcome.exitCode = exitCodes.failure;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
