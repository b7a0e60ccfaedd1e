import { Dump, type DumpRequest, type Session } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { type ClusterOptions, meansCluster } from '../cluster/options.ts';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { usageFailure } from '../failure.ts';
import type { Outcome } from '../outcome.ts';
import { outputOption, structured } from '../output/format.ts';
import { endpoint } from '../output/quantity.ts';
import { hopPair, nextOf, sessionColumns, wideSessionColumns } from '../output/sessions.ts';
import { Table } from '../output/table.ts';
import { socketOption } from './socket-option.ts';

export interface SessionsOptions extends ClusterOptions {
  readonly tenant?: string;
  readonly service?: string;
  readonly address?: string;
  readonly id?: string;
  readonly limit: string;
  readonly watch?: boolean;
  readonly output: 'table' | 'wide' | 'json' | 'yaml' | 'name';
}

const watchMilliseconds = 1_000;

/** For the engine, 0 is its own limit. */
const most = 0xffff_ffff;

export function sessionsCommand(context: CliContext, outcome: Outcome): Command {
  return new Command('sessions')
    .description('live sessions of this node, or of all nodes of clusters joined by id')
    .option('--tenant <name>', 'of this tenant only')
    .option('--service <namespace/name>', 'of this service only')
    .option('--address <address>', 'only with this address at either end')
    .option('--id <uuid>', 'this session only')
    .option('--limit <number>', 'print at most so many; 0 = all', '500')
    .option('-w, --watch', 'go on, with a line for each session that is new, changed or gone')
    .addOption(outputOption('table', 'wide', 'json', 'yaml', 'name'))
    .addOption(socketOption())
    .action(async (_, command: Command) => {
      const options = command.optsWithGlobals<SessionsOptions>();
      const request = requestOf(options);
      if (meansCluster(options, context))
        return (await import('../cluster/sessions.ts')).printClusterSessions(request, options, { context, outcome });
      return Connection.with(options.socket, context, (connection) =>
        printSessions(connection, request, options, context),
      );
    });
}

function requestOf({ tenant = '', service = '', address = '', id = '', limit }: SessionsOptions): DumpRequest {
  if (!/^\d{1,9}$/.test(limit)) throw usageFailure(`--limit ${limit} is no number`);
  return { tenant, service, address, sessionId: id, limit: Number(limit) || most };
}

async function printSessions(
  connection: Connection,
  request: DumpRequest,
  { output, watch }: SessionsOptions,
  context: CliContext,
): Promise<void> {
  const read = async () => {
    const dump = await connection.ask<Dump>((done) => connection.client.sessions(request, done));
    return { ...dump, sessions: dump.sessions.sort(inOrder) };
  };
  const dump = await read();
  if (output === 'json' || output === 'yaml') {
    context.stdout.write(structured(Dump.toJSON(dump), output));
    return;
  }
  if (output === 'name') {
    for (const { sessionId } of dump.sessions) context.stdout.write(`session/${sessionId}\n`);
    return;
  }
  const table = new Table(output === 'wide' ? wideSessionColumns : sessionColumns);
  if (dump.sessions.length === 0) context.stderr.write('no session matches\n');
  if (dump.sessions.length > 0 || watch === true) context.stdout.write(table.print(dump.sessions));
  if (dump.omitted > 0n) context.stderr.write(`${dump.omitted} more; use a filter or --limit\n`);
  if (watch === true) await follow(table, dump.sessions, async () => (await read()).sessions, context);
}

async function follow(
  table: Table<Session>,
  first: readonly Session[],
  read: () => Promise<readonly Session[]>,
  context: CliContext,
): Promise<void> {
  let known = new Map(first.map((session) => [session.sessionId, session]));
  for (;;) {
    await context.pause(watchMilliseconds);
    if (context.interrupted.aborted) return;
    const present = new Map((await read()).map((session) => [session.sessionId, session]));
    const changed = [...present.values()].filter((session) => isNews(known.get(session.sessionId), session));
    const gone = [...known.values()].filter(({ sessionId }) => !present.has(sessionId));
    const rows = [...changed, ...gone.map((session) => ({ ...session, state: 'Closed' }))];
    if (rows.length > 0) context.stdout.write(table.append(rows));
    known = present;
  }
}

// Counters move all the time; what is news is where a session stands and which way it goes.
function isNews(before: Session | undefined, now: Session): boolean {
  if (before === undefined) return true;
  const shown = (session: Session) => [session.state, session.security, nextOf(session), hopPair(session.clientHop)];
  return shown(before).join() !== shown(now).join();
}

function inOrder(one: Session, other: Session): number {
  const key = ({ service, client, sessionId }: Session) => `${service} ${endpoint(client)} ${sessionId}`;
  return key(one) < key(other) ? -1 : 1;
}
