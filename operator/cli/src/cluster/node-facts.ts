import { type Facts, factsSchema } from '../facts/facts.ts';
import { askAgents, type NodeAnswer } from './ask.ts';
import type { Cluster } from './cluster.ts';
import type { Agent } from './installation.ts';

/** A node's facts, with how far its clock is from the API server's. */
export interface NodeFacts extends Facts {
  /** Milliseconds by which the node's clock is ahead of this machine's; the answer's way back is the error. */
  readonly aheadMs: number;
}

/** Asks each node for its facts. `now` is this machine's clock. */
export function askFacts(
  cluster: Cluster,
  agents: readonly Agent[],
  now: () => number,
): Promise<readonly NodeAnswer<NodeFacts>[]> {
  return askAgents(cluster, agents, ['facts'], (answer) => {
    const facts = factsSchema.parse(answer);
    return { ...facts, aheadMs: facts.nowMs - now() };
  });
}
