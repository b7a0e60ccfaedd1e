import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { ApiFailure } from '../kubernetes/client/api-failure.ts';

/** Keeps pods away from a node until its agent forwards; put there by whoever makes nodes, taken away by the operator. */
export const agentNotReadyTaint = 'quiver.dev/agent-not-ready';

export interface Taint {
  readonly key: string;
  readonly [field: string]: unknown;
}

/** A node as the cache holds it. */
export interface TaintedNode {
  readonly name: string;
  readonly resourceVersion: string;
  readonly taints: readonly Taint[];
}

/**
 * Takes our taint off the node and leaves all others. False when the node has changed since it was read: look again.
 * Rejects with an `ApiFailure`.
 */
export async function removeTaint(client: Pick<ApiClient, 'mergePatch'>, node: TaintedNode): Promise<boolean> {
  const { name, resourceVersion, taints } = node;
  const kept = taints.filter(({ key }) => key !== agentNotReadyTaint);
  if (kept.length === taints.length) return true;
  try {
    // A list is replaced as a whole, so it must be the list that was read.
    const change = { metadata: { resourceVersion }, spec: { taints: kept.length === 0 ? null : kept } };
    await client.mergePatch({ apiVersion: 'v1', kind: 'Node', name }, change);
    return true;
  } catch (caught) {
    if (caught instanceof ApiFailure && (caught.isConflict || caught.isNotFound)) return caught.isNotFound;
    throw caught;
  }
}
