import { Command } from 'commander';
import type { ClusterOptions } from '../cluster/options.ts';
import type { CliContext } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption } from '../output/format.ts';

export interface PeersOptions extends ClusterOptions {
  readonly output: 'table' | 'json' | 'yaml' | 'name';
}

export function peersCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('peers')
    .description('peers of a cluster, and the path from each node to each of their waypoints')
    .addOption(outputOption('table', 'json', 'yaml', 'name'))
    .addHelpText('after', '\nExit code 1: a peer is not ready, or a path that was tried does not answer.')
    .action(async (_, command: Command) =>
      (await import('../cluster/peers.ts')).printPeers(command.optsWithGlobals<PeersOptions>(), { context, outcome }),
    );
}
