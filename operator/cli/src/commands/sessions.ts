import { Dump, type DumpRequest, type Hop, type Session } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { usageFailure } from '../failure.ts';
import { outputOption, structured } from '../output/format.ts';
import { bytes, duration, endpoint, protocol } from '../output/quantity.ts';
import { type Column, Table } from '../output/table.ts';
import { socketOption } from './socket-option.ts';

interface SessionsOptions {
  readonly tenant?: string;
  readonly service?: string;
  readonly address?: string;
  readonly id?: string;
  readonly limit: string;
  readonly watch?: boolean;
  readonly output: 'table' | 'wide' | 'json' | 'yaml' | 'name';
  readonly socket?: string;
}

const watchMilliseconds = 1_000;

/** For the engine, 0 is its own limit. */
const most = 0xffff_ffff;

const columns: readonly Column<Session>[] = [
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'TENANT', value: ({ tenant }) => tenant },
  { title: 'SERVICE', value: ({ service }) => service },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'PROTOCOL', value: (session) => protocol(session.protocol) },
  { title: 'CLIENT', value: ({ client }) => endpoint(client) },
  { title: 'ADDRESS', value: ({ serviceAddress }) => endpoint(serviceAddress) },
  { title: 'NEXT', value: nextOf },
  { title: 'SECURITY', value: ({ security }) => security },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'AGE', value: ({ openedMsAgo }) => duration(openedMsAgo) },
];

const wideColumns: readonly Column<Session>[] = [
  ...columns,
  { title: 'CLIENT HOP', value: ({ clientHop }) => hopPair(clientHop) },
  { title: 'SERVER HOP', value: ({ serverHop }) => hopPair(serverHop) },
  { title: 'TRANSPORT', value: ({ serverHop, clientHop }) => (serverHop ?? clientHop)?.transport ?? '' },
  { title: 'HANDSHAKE', value: ({ serverHop, clientHop }) => (serverHop ?? clientHop)?.handshake ?? '' },
  { title: 'SOURCE', value: ({ source }) => endpoint(source) },
  { title: 'TARGET', value: ({ target }) => endpoint(target) },
  { title: 'FORWARD', value: (session) => traffic(session.packetsForward, session.bytesForward) },
  { title: 'REVERSE', value: (session) => traffic(session.packetsReverse, session.bytesReverse) },
  { title: 'IDLE', value: ({ idleMs }) => duration(idleMs) },
  { title: 'EXPIRES', value: ({ expiresInMs }) => duration(expiresInMs) },
  { title: 'ROUTE', value: ({ route }) => route },
];

export function sessionsCommand(context: CliContext): Command {
  return new Command('sessions')
    .description('live sessions of this node')
    .option('--tenant <name>', 'of this tenant only')
    .option('--service <namespace/name>', 'of this service only')
    .option('--address <address>', 'only with this address at either end')
    .option('--id <uuid>', 'this session only')
    .option('--limit <number>', 'print at most so many; 0 = all', '500')
    .option('-w, --watch', 'go on, with a line for each session that is new, changed or gone')
    .addOption(outputOption('table', 'wide', 'json', 'yaml', 'name'))
    .addOption(socketOption())
    .action((options: SessionsOptions) => {
      const request = requestOf(options);
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
  const table = new Table(output === 'wide' ? wideColumns : columns);
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

function nextOf({ serverHop, target }: Session): string {
  return serverHop === undefined ? endpoint(target) : `${serverHop.router}/${serverHop.node}`;
}

function hopPair(hop: Hop | undefined): string {
  return hop === undefined ? '' : `${endpoint(hop.local)}>${endpoint(hop.remote)}`;
}

function traffic(packets: bigint, count: bigint): string {
  return `${packets}/${bytes(count)}`;
}

function inOrder(one: Session, other: Session): number {
  const key = ({ service, client, sessionId }: Session) => `${service} ${endpoint(client)} ${sessionId}`;
  return key(one) < key(other) ? -1 : 1;
}
