import { Command } from 'commander';
import type { ClusterOptions } from '../cluster/options.ts';
import type { CliContext } from '../context.ts';
import type { Outcome } from '../outcome.ts';

export interface SupportBundleOptions extends ClusterOptions {
  readonly file?: string;
  readonly logLines: string;
}

export function supportBundleCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('support-bundle')
    .description(
      'collect objects, states, events, logs and versions of a cluster into one tar.gz; secrets are never read',
    )
    .option('-f, --file <file>', 'where it is written (default: quiver-CONTEXT-TIME.tar.gz)')
    .option('--log-lines <number>', 'last lines of each log', '5000')
    .addHelpText('after', '\nExit code 1: something could not be collected; errors.txt in the bundle says what.')
    .action(async (_, command: Command) =>
      (await import('../cluster/bundle/command.ts')).writeSupportBundle(
        command.optsWithGlobals<SupportBundleOptions>(),
        { context, outcome },
      ),
    );
}
