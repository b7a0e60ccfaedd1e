import { Dump, type DumpRequest, Session } from '@quiver/dataplane-api';
import type { SessionsOptions } from '../commands/sessions.ts';
import { usageFailure } from '../failure.ts';
import { structured } from '../output/format.ts';
import { endpoint } from '../output/quantity.ts';
import { sessionColumns, wideSessionColumns } from '../output/sessions.ts';
import { type Column, Table } from '../output/table.ts';
import { answered, askAgents, type NodeAnswer } from './ask.ts';
import type { Cluster } from './cluster.ts';
import { findInstallation } from './installation.ts';
import { withClusters } from './options.ts';
import { type Reporting, reportFailures } from './report.ts';

/** The limit of a request that has none. */
const all = 0xffff_ffff;
/** Each node is asked for so many at least. */
const fewest = 5_000;

/** A session as one node sees it. */
interface Sighting {
  readonly cluster: string;
  readonly node: string;
  readonly session: Session;
}

/** Prints the sessions of all nodes of the clusters; what belongs to one session stands together, in the order of its way. */
export async function printClusterSessions(
  request: DumpRequest,
  options: SessionsOptions,
  reporting: Reporting,
): Promise<void> {
  if (options.watch === true) throw usageFailure('--watch shows one node only; use it with --socket on that node');
  await withClusters(options, reporting.context, async (clusters) => {
    const dumps = await Promise.all(clusters.map((cluster) => dumpsOf(cluster, request, options.namespace)));
    const sightings = clusters.flatMap(({ context }, index) => sightingsIn(context, dumps[index] ?? []));
    const { shown, omitted } = firstOf(sightings.sort(alongTheWay), request.limit);
    print(shown, clusters.length > 1, options.output, reporting);
    const more = omitted + dumps.flatMap(answered).reduce((sum, { value }) => sum + Number(value.omitted), 0);
    if (more > 0) reporting.context.stderr.write(`${more} more; use a filter or --limit\n`);
    for (const answers of dumps) reportFailures(answers, reporting);
  });
}

/** The first sessions, each with all its places. */
function firstOf(sightings: readonly Sighting[], limit: number): { shown: readonly Sighting[]; omitted: number } {
  const ids = [...new Set(sightings.map(({ session }) => session.sessionId))];
  const wanted = new Set(ids.slice(0, limit));
  const shown = sightings.filter(({ session }) => wanted.has(session.sessionId));
  return { shown, omitted: ids.length - wanted.size };
}

async function dumpsOf(
  cluster: Cluster,
  request: DumpRequest,
  namespace: string | undefined,
): Promise<readonly NodeAnswer<Dump>[]> {
  const { agents } = await findInstallation(cluster, namespace);
  return askAgents(cluster, agents, commandOf(request), (answer) => Dump.fromJSON(answer));
}

function commandOf({ tenant, service, address, sessionId, limit }: DumpRequest): readonly string[] {
  const filters = { '--tenant': tenant, '--service': service, '--address': address, '--id': sessionId };
  const given = Object.entries(filters).filter(([, value]) => value !== '');
  // More than are shown: the places of one session are joined only when every node has told its own.
  return ['sessions', ...given.flat(), '--limit', limit === all ? '0' : String(Math.max(limit, fewest))];
}

function sightingsIn(cluster: string, answers: readonly NodeAnswer<Dump>[]): readonly Sighting[] {
  return answered(answers).flatMap(({ agent, value }) =>
    value.sessions.map((session) => ({ cluster, node: agent.node, session })),
  );
}

function print(
  sightings: readonly Sighting[],
  hasSeveral: boolean,
  output: SessionsOptions['output'],
  { context }: Reporting,
): void {
  const ids = [...new Set(sightings.map(({ session }) => session.sessionId))];
  if (output === 'json' || output === 'yaml')
    context.stdout.write(structured({ sessions: ids.map((id) => joined(id, sightings)) }, output));
  else if (output === 'name') for (const id of ids) context.stdout.write(`session/${id}\n`);
  else if (sightings.length === 0) context.stderr.write('no session matches\n');
  else context.stdout.write(new Table(columnsFor(output === 'wide', hasSeveral)).print(sightings));
}

function columnsFor(isWide: boolean, hasSeveral: boolean): readonly Column<Sighting>[] {
  const columns = isWide ? wideSessionColumns : sessionColumns;
  const [id, ...rest] = columns.map(({ title, value }) => ({
    title,
    value: ({ session }: Sighting) => value(session),
  }));
  const cluster = { title: 'CLUSTER', value: (sighting: Sighting) => sighting.cluster };
  const node = { title: 'NODE', value: (sighting: Sighting) => sighting.node };
  return [...(id === undefined ? [] : [id]), ...(hasSeveral ? [cluster] : []), node, ...rest];
}

function joined(sessionId: string, sightings: readonly Sighting[]): unknown {
  const own = sightings.filter(({ session }) => session.sessionId === sessionId);
  return {
    sessionId,
    seenAt: own.map(({ cluster, node, session }) => ({ cluster, node, ...(Session.toJSON(session) as object) })),
  };
}

const roles = ['Local', 'Ingress', 'Transit', 'Egress'];

function alongTheWay(one: Sighting, other: Sighting): number {
  const key = ({ cluster, node, session }: Sighting) => {
    const { service, sessionId, role, client } = session;
    return [service, sessionId, roles.indexOf(role), endpoint(client), cluster, node].join(' ');
  };
  return key(one) < key(other) ? -1 : 1;
}
