import { Command, Option } from 'commander';
import type { ClusterOptions } from '../cluster/options.ts';
import type { CliContext } from '../context.ts';
import { outputOption } from '../output/format.ts';

export interface PeerOptions extends ClusterOptions {
  readonly name?: string;
  readonly waypointAddress?: 'InternalIP' | 'ExternalIP' | 'Annotation';
  readonly output: 'yaml' | 'json';
}

export function peerCommand(context: CliContext): Command {
  return new Command('peer')
    .description('print this cluster as a Peer, to be applied in another cluster')
    .option('--name <name>', 'name of the object (default: the name of the router)')
    .addOption(waypointAddressOption())
    .addOption(outputOption('yaml', 'json'))
    .addHelpText('after', '\nkubectl quiver peer --context a | kubectl apply --context b -f -')
    .action(async (_, command: Command) =>
      (await import('../cluster/peer.ts')).printPeer(command.optsWithGlobals<PeerOptions>(), context),
    );
}

/** `--waypoint-address`, of commands that make a Peer of a cluster. */
export function waypointAddressOption(): Option {
  return new Option(
    '--waypoint-address <kind>',
    "which of the nodes' addresses (default: the waypoints in force)",
  ).choices(['InternalIP', 'ExternalIP', 'Annotation']);
}
