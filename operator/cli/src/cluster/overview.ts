import { StatusResponse } from '@quiver/dataplane-api';
import { answered, askAgents, type NodeAnswer } from './ask.ts';
import type { Cluster } from './cluster.ts';
import { findInstallation, type Installation } from './installation.ts';
import { type Leadership, leadershipOf } from './leadership.ts';
import type { Pod } from './pod.ts';
import { allObjects, readiness, titleOf } from './quiver-objects.ts';
import { versionOf } from './versions.ts';

/** How Quiver is in one cluster. */
export interface Overview {
  readonly context: string;
  readonly server: string;
  readonly installation: Installation;
  readonly leadership: Leadership | undefined;
  readonly nodes: readonly NodeAnswer<StatusResponse>[];
  readonly objects: readonly ObjectState[];
  readonly versions: Versions;
}

export interface ObjectState {
  readonly object: string;
  readonly ready: string;
  readonly reason: string;
  readonly message: string;
}

export interface Versions {
  readonly client: string;
  /** Distinct ones, oldest first; more than one while something rolls out. */
  readonly operators: readonly string[];
  readonly agents: readonly string[];
}

/** Asks API server and nodes for everything that `status` shows. */
export async function overviewOf(
  cluster: Cluster,
  namespace: string | undefined,
  clientVersion: string,
): Promise<Overview> {
  const installation = await findInstallation(cluster, namespace);
  const [leadership, nodes, objects] = await Promise.all([
    leadershipOf(cluster, installation.namespace),
    askAgents(cluster, installation.agents, ['status'], (answer) => StatusResponse.fromJSON(answer)),
    allObjects(cluster),
  ]);
  return {
    context: cluster.context,
    server: cluster.server,
    installation,
    leadership,
    nodes,
    objects: objects.map((object) => {
      const { status, reason, message } = readiness(object);
      return { object: titleOf(object), ready: status, reason, message };
    }),
    versions: versionsOf(installation.operators, nodes, clientVersion),
  };
}

/** Whether a cluster can be left alone: somebody leads, every node is ready, every object too. */
export function isHealthy({ leadership, nodes, objects }: Overview): boolean {
  const isLed = leadership?.isFresh === true;
  const areNodesReady = nodes.every(
    (node) => 'value' in node && node.value.ready && node.value.operatorLink?.connected,
  );
  return isLed && nodes.length > 0 && areNodesReady && objects.every(({ ready }) => ready === 'True');
}

function versionsOf(operators: readonly Pod[], nodes: readonly NodeAnswer<StatusResponse>[], client: string): Versions {
  const distinct = (versions: readonly string[]) =>
    [...new Set(versions.filter((version) => version !== ''))].toSorted();
  return {
    client,
    operators: distinct(operators.map(versionOf)),
    agents: distinct(answered(nodes).map(({ value }) => value.agentVersion)),
  };
}
