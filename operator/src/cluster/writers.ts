import type { Clock } from '../clock.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { EventRecorder } from '../kubernetes/events/event-recorder.ts';
import type { Logger } from '../logger.ts';
import type { OperatorMetrics } from '../metrics/operator-metrics.ts';
import { KubernetesStatus } from '../status/kubernetes-status.ts';
import type { ClusterView } from './cluster-view.ts';
import { OwnedObjects } from './owned-objects.ts';
import { TaintRemover } from './taint-remover.ts';

export interface WritersDeps {
  readonly client: ApiClient;
  readonly view: ClusterView;
  readonly metrics: Pick<OperatorMetrics, 'written'>;
  /** Of the pod, for events. */
  readonly podName: string;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** Everything that a leader writes into the API server. */
export class Writers {
  readonly status: KubernetesStatus;
  readonly owned: OwnedObjects;
  readonly taints: TaintRemover;
  readonly #events: EventRecorder;

  constructor({ client, view, metrics, podName, clock, random, logger }: WritersDeps) {
    const shared = (target: string) => ({
      client,
      clock,
      random,
      logger: logger.with({ component: target }),
      counted: (result: string) => metrics.written(target, result),
    });
    const events = new EventRecorder({ ...shared('events'), instance: podName });
    this.#events = events;
    this.status = new KubernetesStatus({
      ...shared('status'),
      stored: view,
      record: (occurrence) => events.record(occurrence),
    });
    this.owned = new OwnedObjects({ ...shared('owned'), store: view });
    this.taints = new TaintRemover({ ...shared('taint'), view });
  }

  get eventsDropped(): number {
    return this.#events.dropped;
  }

  /** Objects that wait to be written. */
  queues(): Readonly<Record<string, number>> {
    return { status: this.status.depth, owned: this.owned.depth };
  }

  /** Resolves when everything that can be written now is. */
  async drain(): Promise<void> {
    await Promise.all([this.status.drain(), this.owned.drain()]);
  }

  /** Writes nothing more. */
  async close(): Promise<void> {
    await Promise.all([this.status.close(), this.owned.close(), this.taints.close()]);
    await this.#events.close();
  }
}
