import { Command } from 'commander';
import type { ClusterOptions } from '../cluster/options.ts';
import type { CliContext } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption } from '../output/format.ts';

export interface DiagnoseOptions extends ClusterOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

export function diagnoseCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('diagnose')
    .description('check a cluster, each check with its name, what was found and the way out; several are compared')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addHelpText(
      'after',
      '\nExit code 1: a check failed. Warnings, and what cannot be told from here, are not failures.',
    )
    .action(async (_, command: Command) =>
      (await import('../cluster/diagnose/command.ts')).diagnose(command.optsWithGlobals<DiagnoseOptions>(), {
        context,
        outcome,
      }),
    );
}
