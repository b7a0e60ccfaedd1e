import { StatusRequest, StatusResponse } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { renderStatus } from '../output/status.ts';
import { socketOption } from './socket-option.ts';

interface StatusOptions {
  readonly output: 'text' | 'json' | 'yaml';
  readonly socket?: string;
}

export function statusCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('status')
    .description('how this node is: configuration, peer paths, targets, objects')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addOption(socketOption())
    .addHelpText('after', '\nExit code 1: the node is not ready.')
    .action(({ output, socket }: StatusOptions) =>
      Connection.with(socket, context, async (connection) => {
        const status = await connection.ask<StatusResponse>((done) =>
          connection.client.status(StatusRequest.create(), done),
        );
        const text = output === 'text' ? renderStatus(status) : structured(StatusResponse.toJSON(status), output);
        context.stdout.write(text);
        if (!status.ready) outcome.exitCode = exitCodes.failure;
      }),
    );
}
