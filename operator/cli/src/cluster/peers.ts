import { type PathReport, StatusResponse } from '@quiver/dataplane-api';
import type { PeersOptions } from '../commands/peers.ts';
import { exitCodes } from '../failure.ts';
import { structured } from '../output/format.ts';
import { type Column, Table } from '../output/table.ts';
import { answered, askAgents } from './ask.ts';
import { findInstallation } from './installation.ts';
import { withCluster } from './options.ts';
import { objectsOf, readiness } from './quiver-objects.ts';
import { type Reporting, reportFailures } from './report.ts';

/** A path from one of our nodes to one waypoint of a peer. */
interface PeerPath {
  readonly peer: string;
  readonly ready: string;
  readonly reason: string;
  /** Our node. */
  readonly from: string;
  readonly path: PathReport | undefined;
}

const columns: readonly Column<PeerPath>[] = [
  { title: 'PEER', value: ({ peer }) => peer },
  { title: 'READY', value: ({ ready }) => ready },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'FROM', value: ({ from }) => from },
  { title: 'TO', value: ({ path }) => (path === undefined ? '' : `${path.router}/${path.node}`) },
  { title: 'LOCAL', value: ({ path }) => path?.localAddress ?? '' },
  { title: 'REMOTE', value: ({ path }) => path?.remoteAddress ?? '' },
  { title: 'STATE', value: ({ path }) => path?.state ?? '' },
  { title: 'SESSIONS', value: ({ path }) => (path === undefined ? '' : String(path.sessions)) },
  { title: 'CLOCK', value: ({ path }) => (path === undefined ? '' : signed(path.clockOffsetMs)) },
  { title: 'MTU', value: ({ path }) => (path?.mtu ? String(path.mtu) : '') },
];

/** Prints every Peer with the paths that each node has to it. */
export function printPeers(options: PeersOptions, reporting: Reporting): Promise<void> {
  const { context, outcome } = reporting;
  return withCluster(options, context, async (cluster) => {
    const [{ agents }, peers] = await Promise.all([
      findInstallation(cluster, options.namespace),
      objectsOf(cluster, 'Peer'),
    ]);
    const answers = await askAgents(cluster, agents, ['status'], (answer) => StatusResponse.fromJSON(answer));
    const rows = peers.flatMap((object): readonly PeerPath[] => {
      const { status, reason } = readiness(object);
      const head = { peer: object.metadata.name, ready: status, reason };
      const paths = answered(answers).flatMap(({ agent, value }) =>
        (value.counters?.paths ?? [])
          .filter(({ router }) => router === object.spec.router)
          .map((path) => ({ ...head, from: agent.node, path })),
      );
      return paths.length > 0 ? paths : [{ ...head, from: '', path: undefined }];
    });
    print(rows, options.output, reporting);
    if (rows.some(({ ready, path }) => ready !== 'True' || path?.state === 'Suspect'))
      outcome.exitCode = exitCodes.failure;
    reportFailures(answers, reporting);
  });
}

function print(rows: readonly PeerPath[], output: PeersOptions['output'], { context }: Reporting): void {
  const names = [...new Set(rows.map(({ peer }) => peer))];
  if (output === 'json' || output === 'yaml') context.stdout.write(structured({ peers: rows.map(jsonOf) }, output));
  else if (output === 'name') for (const name of names) context.stdout.write(`peer.quiver.dev/${name}\n`);
  else if (rows.length === 0) context.stderr.write('there is no peer\n');
  else context.stdout.write(new Table(columns).print(rows));
}

function jsonOf({ path, ...head }: PeerPath): unknown {
  if (path === undefined) return { ...head, path: null };
  const { sessions, clockOffsetMs, ...rest } = path;
  return { ...head, path: { ...rest, sessions: Number(sessions), clockOffsetMs: Number(clockOffsetMs) } };
}

function signed(milliseconds: bigint): string {
  return `${milliseconds > 0n ? '+' : ''}${milliseconds}ms`;
}
