import type { KubernetesPod } from '../api/kubernetes-objects.ts';
import type { Clock } from '../clock.ts';

export interface AgentNodesSettings {
  /** Of the release. */
  readonly namespace: string;
  readonly agentServiceAccount: string;
}

/** For so long the agent of a node that joins may take to dial before objects wait for it. */
export const joinMilliseconds = 60_000;

/**
 * Nodes for which objects wait although they are not connected: those with an agent's pod. A node on which no agent
 * will ever run is not waited for, and one that joins has a minute: else each new node would make every object Pending.
 */
export class AgentNodes {
  readonly #settings: AgentNodesSettings;
  readonly #clock: Pick<Clock, 'now'>;
  #pods: readonly KubernetesPod[] | undefined;
  /** Since when the node is waited for. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor(settings: AgentNodesSettings, clock: Pick<Clock, 'now'>) {
    this.#settings = settings;
    this.#clock = clock;
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

  has(node: string): boolean {
    return (this.#since.get(node) ?? Infinity) <= this.#clock.now();
  }

  #agentsOf(pods: readonly KubernetesPod[]): readonly KubernetesPod[] {
    const { namespace, agentServiceAccount } = this.#settings;
    return pods.filter(
      (pod) =>
        pod.node !== '' && !pod.isFinished && pod.namespace === namespace && pod.serviceAccount === agentServiceAccount,
    );
  }
}
