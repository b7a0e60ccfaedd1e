import { type DropCount, DropsRequest, DropsResponse } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { type ClusterOptions, meansCluster } from '../cluster/options.ts';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { type Column, Table } from '../output/table.ts';
import { socketOption } from './socket-option.ts';

export interface DropsOptions extends ClusterOptions {
  readonly all?: boolean;
  readonly watch?: boolean;
  readonly output: 'table' | 'json' | 'yaml' | 'name';
}

const watchMilliseconds = 1_000;

const columns: readonly Column<DropCount>[] = [
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'PACKETS', value: ({ packets }) => String(packets) },
  { title: 'MEANING', value: ({ description }) => description },
];

export function dropsCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('drops')
    .description('why packets were dropped, and how many; of a cluster: at which node')
    .option('-A, --all', 'reasons that never occurred too')
    .option('-w, --watch', 'go on, with a line for each reason that occurs again')
    .addOption(outputOption('table', 'json', 'yaml', 'name'))
    .addOption(socketOption())
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<DropsOptions>();
      if (meansCluster(options, context))
        return (await import('../cluster/drops.ts')).printClusterDrops(options, { context, outcome });
      return Connection.with(options.socket, context, (connection) => printDrops(connection, options, context));
    });
}

async function printDrops(connection: Connection, options: DropsOptions, context: CliContext): Promise<void> {
  const { all, watch, output } = options;
  const read = async () => {
    const { drops } = await connection.ask<DropsResponse>((done) =>
      connection.client.drops(DropsRequest.create(), done),
    );
    return drops.filter(({ packets }) => all === true || packets > 0n).sort(byCount);
  };
  const drops = await read();
  if (output === 'json' || output === 'yaml') {
    context.stdout.write(structured(DropsResponse.toJSON({ drops }), output));
    return;
  }
  if (output === 'name') {
    for (const { reason } of drops) context.stdout.write(`drop/${reason}\n`);
    return;
  }
  const table = new Table(columns);
  if (drops.length === 0) context.stderr.write('no packet was dropped\n');
  if (drops.length > 0 || watch === true) context.stdout.write(table.print(drops));
  if (watch === true) await follow(table, drops, read, context);
}

async function follow(
  table: Table<DropCount>,
  first: readonly DropCount[],
  read: () => Promise<readonly DropCount[]>,
  context: CliContext,
): Promise<void> {
  const known = new Map(first.map(({ reason, packets }) => [reason, packets]));
  for (;;) {
    await context.pause(watchMilliseconds);
    if (context.interrupted.aborted) return;
    const changed = (await read()).filter(({ reason, packets }) => known.get(reason) !== packets);
    for (const { reason, packets } of changed) known.set(reason, packets);
    if (changed.length > 0) context.stdout.write(table.append(changed));
  }
}

function byCount(one: DropCount, other: DropCount): number {
  return Number(other.packets - one.packets) || one.number - other.number;
}
