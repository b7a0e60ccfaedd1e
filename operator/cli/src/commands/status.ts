import { StatusRequest, StatusResponse } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { type ClusterOptions, meansCluster } from '../cluster/options.ts';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { renderStatus } from '../output/status.ts';
import { socketOption } from './socket-option.ts';

interface StatusOptions extends ClusterOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

export function statusCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('status')
    .description('how this node is, or a cluster: versions, configuration, peer paths, objects with problems')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addOption(socketOption())
    .addHelpText('after', '\nExit code 1: something is not ready.')
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>();
      if (meansCluster(options, context))
        return (await import('../cluster/status.ts')).printClusterStatus(options, { context, outcome });
      return printStatus(options, context, outcome);
    });
}

function printStatus({ output, socket }: StatusOptions, context: CliContext, outcome: Outcome): Promise<void> {
  return Connection.with(socket, context, async (connection) => {
    const status = await connection.ask<StatusResponse>((done) =>
      connection.client.status(StatusRequest.create(), done),
    );
    const text = output === 'text' ? renderStatus(status) : structured(StatusResponse.toJSON(status), output);
    context.stdout.write(text);
    if (!status.ready) outcome.exitCode = exitCodes.failure;
  });
}
