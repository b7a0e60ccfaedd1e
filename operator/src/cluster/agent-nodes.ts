import type { KubernetesPod } from '../api/kubernetes-objects.ts';
import type { Clock } from '../clock.ts';
import type { TaintedNode } from './node-taint.ts';

export interface AgentNodesSettings {
  /** Of the release. */
  readonly namespace: string;
  readonly agentServiceAccount: string;
}

/** For so long the agent of a node that joins may take to dial before objects wait for it. */
export const joinMilliseconds = 60_000;

/** Put on a node by the cluster itself while nobody hears of it, or while it cannot run pods. */
const awayTaints: ReadonlySet<string> = new Set(['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready']);

/**
 * Nodes for which objects wait although they are not connected: those with an agent's pod. A node on which no agent
 * will ever run is not waited for, nor one that is off: its pods are listed as running until it is deleted. One that
 * joins has a minute, else each new node would make every object Pending.
 */
export class AgentNodes {
  readonly #settings: AgentNodesSettings;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #node: (name: string) => TaintedNode | undefined;
  #pods: readonly KubernetesPod[] | undefined;
  /** Since when the node is waited for. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor(
    settings: AgentNodesSettings,
    clock: Pick<Clock, 'now'>,
    node: (name: string) => TaintedNode | undefined,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#node = node;
  }

  /** Takes the pods of this moment; whether a node has joined. */
  take(pods: readonly KubernetesPod[]): boolean {
    if (pods === this.#pods) return false;
    const isFirst = this.#pods === undefined;
    const before = this.#since;
    const joinsAt = isFirst ? -Infinity : this.#clock.now() + joinMilliseconds;
    this.#pods = pods;
    this.#since = new Map(this.#agentsOf(pods).map(({ node }) => [node, before.get(node) ?? joinsAt]));
    return !isFirst && [...this.#since.keys()].some((node) => !before.has(node));
  }

  /** Whether objects wait for the node. */
  isAwaited(node: string): boolean {
    return (this.#since.get(node) ?? Infinity) <= this.#clock.now() && !this.#isAway(node);
  }

  /** Whether the node has an agent, awaited or not. */
  has(node: string): boolean {
    return this.#since.has(node);
  }

  #isAway(node: string): boolean {
    return this.#node(node)?.taints.some(({ key }) => awayTaints.has(key)) ?? false;
  }

  #agentsOf(pods: readonly KubernetesPod[]): readonly KubernetesPod[] {
    const { namespace, agentServiceAccount } = this.#settings;
    return pods.filter(
      (pod) =>
        pod.node !== '' && !pod.isFinished && pod.namespace === namespace && pod.serviceAccount === agentServiceAccount,
    );
  }
}
