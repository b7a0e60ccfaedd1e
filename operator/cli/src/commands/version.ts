import { StatusRequest, type StatusResponse } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { type ClusterOptions, meansCluster } from '../cluster/options.ts';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { socketOption } from './socket-option.ts';

interface VersionOptions extends ClusterOptions {
  readonly client?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

export function versionCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('version')
    .description('print the version of this program, and of the router here or in a cluster')
    .option('--client', 'of this program only')
    .addOption(outputOption('text', 'json', 'yaml'))
    .addOption(socketOption())
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<VersionOptions>();
      if (options.client !== true && meansCluster(options, context))
        return (await import('../cluster/version.ts')).printClusterVersions(options, { context, outcome });
      return printVersion(options, context);
    });
}

async function printVersion({ client, output, socket }: VersionOptions, context: CliContext): Promise<void> {
  const agent = client === true ? undefined : await agentVersion(socket, context);
  if (output !== 'text') {
    context.stdout.write(structured({ client: context.version, ...(agent === undefined ? {} : { agent }) }, output));
    return;
  }
  context.stdout.write(`Client: ${context.version}\n`);
  if (agent !== undefined) context.stdout.write(`Agent:  ${agent}\n`);
  if (agent !== undefined && agent !== context.version)
    context.stderr.write('the router is of another version than this program; some commands may differ\n');
}

// Without a router there is still a version to print.
async function agentVersion(socket: string | undefined, context: CliContext): Promise<string | undefined> {
  const asked = Connection.with(socket, context, (connection) =>
    connection.ask<StatusResponse>((done) => connection.client.status(StatusRequest.create(), done)),
  );
  if (socket !== undefined) return (await asked).agentVersion;
  return asked.then(({ agentVersion: version }) => version).catch(() => undefined);
}
