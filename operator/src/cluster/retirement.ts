import { NodeConfig } from '@quiver/dataplane-api';
import type { NodeReport } from '../conditions/node-report.ts';
import { digestOf } from '../ir/canonical.ts';
import { type Annotations, retiredAnnotation } from '../kubernetes/lease/lease-record.ts';
import type { ProjectedNode } from '../project/node-config.ts';

/** The node's configuration with the order to take everything off the node. Pure. */
export function retired(node: ProjectedNode): ProjectedNode {
  const config = { ...node.config, retire: true };
  const bytes = NodeConfig.encode(config).finish();
  return { node: node.node, config, bytes, digest: digestOf(bytes) };
}

/** How far the nodes are with it. */
export interface RetirementProgress {
  /** Nodes that took everything off. */
  readonly done: number;
  /** Nodes that can be reached. */
  readonly reachable: number;
  /** Names of nodes without an agent, in order. */
  readonly missing: readonly string[];
}

export function retirementProgress(nodes: readonly NodeReport[]): RetirementProgress {
  const isDone = ({ wanted, acknowledged }: NodeReport) => wanted.retire && acknowledged === wanted;
  const done = nodes.filter(isDone);
  const reachable = nodes.filter((node) => node.isConnected || isDone(node));
  const missing = nodes.filter((node) => !node.isConnected && !isDone(node)).map(({ node }) => node);
  return { done: done.length, reachable: reachable.length, missing: missing.sort() };
}

export const missingAnnotation = 'quiver.dev/retire-missing';

/**
 * Whether the lease tells that every node has taken everything off. While one is without an agent it does not: the agent may
 * be on its way back, and only the end of the time tells that it is not.
 */
export function isEverythingOff(annotations: Annotations): boolean {
  const [done = '', reachable] = (annotations[retiredAnnotation] ?? '').split('/');
  return (annotations[missingAnnotation] ?? '') === '' && done !== '' && done === reachable;
}

/** Nodes that an annotation names, at most; the rest is counted. */
const maxNamed = 50;

/** `2/3`, as the lease tells it. */
export function progressText({ done, reachable }: RetirementProgress): string {
  return `${done}/${reachable}`;
}

/** Names, separated by commas; empty when there are none. */
export function missingText({ missing }: RetirementProgress): string {
  const rest = missing.length - maxNamed;
  return rest <= 0 ? missing.join(',') : `${missing.slice(0, maxNamed).join(',')} and ${rest} more`;
}
