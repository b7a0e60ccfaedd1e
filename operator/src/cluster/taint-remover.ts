import type { Clock } from '../clock.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { FailureLog } from '../kubernetes/work-queue/failure-log.ts';
import { KeyedQueue } from '../kubernetes/work-queue/keyed-queue.ts';
import type { Logger } from '../logger.ts';
import type { ClusterView } from './cluster-view.ts';
import { agentNotReadyTaint, removeTaint } from './node-taint.ts';

export interface TaintRemoverDeps {
  readonly client: Pick<ApiClient, 'mergePatch'>;
  readonly view: Pick<ClusterView, 'node'>;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly counted?: (result: 'Written' | 'Outdated' | 'Failed') => void;
}

const inFlight = 2;
/** Until the cache has seen what made a write fail. */
const outdatedWait = 250;

/** Lets pods onto nodes whose agent forwards. */
export class TaintRemover {
  readonly #deps: TaintRemoverDeps;
  readonly #queue: KeyedQueue;

  constructor(deps: TaintRemoverDeps) {
    this.#deps = deps;
    const { clock, random, logger, counted } = deps;
    const failures = new FailureLog(logger);
    const onError = (node: string, caught: unknown): void => {
      counted?.('Failed');
      failures.failed('the taint cannot be removed', `Node ${node}`, caught);
    };
    this.#queue = new KeyedQueue({ concurrency: inFlight, work: (node) => this.#work(node), onError, clock, random });
  }

  /** The agent of this node forwards. */
  look(node: string): void {
    if (this.#isTainted(node)) this.#queue.add(node);
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #work(name: string): Promise<void> {
    const node = this.#deps.view.node(name);
    if (node === undefined || !this.#isTainted(name)) return;
    if (await removeTaint(this.#deps.client, node)) {
      this.#deps.counted?.('Written');
      this.#deps.logger.info('pods may come to the node', { node: name });
    } else {
      this.#deps.counted?.('Outdated');
      this.#queue.add(name, { afterMs: outdatedWait });
    }
  }

  #isTainted(name: string): boolean {
    return this.#deps.view.node(name)?.taints.some(({ key }) => key === agentNotReadyTaint) ?? false;
  }
}
