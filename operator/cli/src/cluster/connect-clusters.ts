import { API_VERSION, KINDS } from '@quiver/operator';
import type { ConnectOptions } from '../commands/connect.ts';
import type { CliContext } from '../context.ts';
import { Failure, usageFailure } from '../failure.ts';
import { type Cluster, ClusterFailure } from './cluster.ts';
import { withClusters } from './options.ts';
import { ownPeer, type PeerManifest } from './peer.ts';
import { objectsOf } from './quiver-objects.ts';

interface Member {
  readonly cluster: Cluster;
  readonly peer: PeerManifest;
}

/** Applies in each cluster the Peer of every other one. Nothing is applied before all are known. */
export function connectClusters(options: ConnectOptions, context: CliContext): Promise<void> {
  if ((options.context ?? []).length < 2)
    throw usageFailure('say which clusters: --context a --context b, and further ones');
  return withClusters(options, context, async (clusters) => {
    const members = await Promise.all(
      clusters.map(async (cluster) => ({ cluster, peer: await ownPeer(cluster, options, context.now) })),
    );
    refuseEqualNames(members);
    for (const { cluster } of members) {
      const known = await objectsOf(cluster, 'Peer');
      for (const other of members.filter((member) => member.cluster !== cluster)) {
        // A router has one Peer; whatever it is called, that one is meant.
        const name = known.find(({ spec }) => spec.router === other.peer.spec.router)?.metadata.name;
        await apply(cluster, name === undefined ? other.peer : { ...other.peer, metadata: { name } }, options);
        context.stdout.write(`peer.quiver.dev/${name ?? other.peer.metadata.name} applied in ${cluster.context}\n`);
      }
    }
  });
}

function refuseEqualNames(members: readonly Member[]): void {
  const seen = new Map<string, string>();
  for (const { cluster, peer } of members) {
    const { router } = peer.spec;
    const first = seen.get(router);
    if (first !== undefined)
      throw new Failure(
        `${first} and ${cluster.context} are both router ${router}; give each a name of its own (router in the values of the chart)`,
      );
    seen.set(router, cluster.context);
  }
}

async function apply(cluster: Cluster, peer: PeerManifest, { forceConflicts }: ConnectOptions): Promise<void> {
  const path = `/apis/${API_VERSION}/${KINDS.Peer.plural}/${peer.metadata.name}`;
  try {
    await cluster.apply(path, peer, { force: forceConflicts === true });
  } catch (caught) {
    if (!(caught instanceof ClusterFailure) || caught.status !== 409) throw caught;
    throw new Failure(
      `${caught.message}\nsomebody else has set fields of Peer ${peer.metadata.name}; with --force-conflicts they are taken over`,
    );
  }
}
