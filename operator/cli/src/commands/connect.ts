import { Command } from 'commander';
import type { ClusterOptions } from '../cluster/options.ts';
import type { CliContext } from '../context.ts';
import { waypointAddressOption } from './peer.ts';

export interface ConnectOptions extends ClusterOptions {
  readonly waypointAddress?: 'InternalIP' | 'ExternalIP' | 'Annotation';
  readonly forceConflicts?: boolean;
}

export function connectCommand(context: CliContext): Command {
  return new Command('connect')
    .description('make clusters known to each other: applies in each one the Peer of every other')
    .addOption(waypointAddressOption())
    .option('--force-conflicts', 'take over fields of a Peer that somebody else has set')
    .addHelpText(
      'after',
      '\nkubectl quiver connect --context a --context b\nWhat is applied can be seen before with `peer`. Do it again when nodes come or go.',
    )
    .action(async (_, command: Command) =>
      (await import('../cluster/connect-clusters.ts')).connectClusters(
        command.optsWithGlobals<ConnectOptions>(),
        context,
      ),
    );
}
