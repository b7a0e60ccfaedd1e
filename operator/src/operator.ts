import { describeRef } from './api/resources.ts';
import type { Clock, Timer } from './clock.ts';
import type { Distributor } from './distribute/distributor.ts';
import { fromUnknown } from './errors.ts';
import { sortedBy } from './ir/canonical.ts';
import type { Logger } from './logger.ts';
import type { ProjectedNode } from './project/node-config.ts';
import type { Subscription } from './source/resource-source.ts';
import { objectsOf } from './source/snapshot.ts';
import { isSameStatus, makeStatus, type NodeKnowledge, type StatusReport } from './status/status-report.ts';
import type { StatusSink } from './status/status-sink.ts';
import type { Translated, Translator } from './translator.ts';

export interface OperatorDeps {
  readonly translator: Translator;
  readonly distributor: Distributor;
  readonly status: StatusSink;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Changes what nodes get, last of all. */
  readonly adapt?: (node: ProjectedNode) => ProjectedNode;
  /** Whether objects wait for a node that is not connected; without it they wait for every node. */
  readonly concerns?: (node: string) => boolean;
}

/** Changes and answers of nodes within this time are one status; so a change that nodes take at once is never Pending. */
const statusDelayMilliseconds = 100;

/** Translations in; configurations to the nodes and a status out. The same in standalone mode and in a cluster. */
export class Operator {
  readonly #deps: OperatorDeps;
  #subscription: Subscription | undefined;
  #translated: Translated | undefined;
  #status: StatusReport | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(deps: OperatorDeps) {
    this.#deps = deps;
  }

  /** Publishes the present translation and keeps up with it. */
  start(): void {
    this.#deps.distributor.onChange(() => this.#soon());
    this.#subscription = this.#deps.translator.subscribe((translated) => this.#take(translated));
  }

  /** Takes nothing more; the last status is written. Nodes go on with what they have. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#subscription?.close();
    this.#timer?.cancel();
    await this.#writing;
  }

  /** The present status; undefined before the first resources. */
  get status(): StatusReport | undefined {
    return this.#status;
  }

  /** Publishes again: what `adapt` does has changed. */
  republish(): void {
    if (this.#translated !== undefined) this.#publish(this.#translated);
  }

  /** What nodes objects wait for has changed. */
  refreshSoon(): void {
    this.#soon();
  }

  #take(translated: Translated): void {
    const isFirst = this.#translated === undefined;
    this.#translated = translated;
    this.#publish(translated);
    if (isFirst) this.#refresh();
    else this.#soon();
  }

  #publish({ ir, nodes, snapshot }: Translated): void {
    const { distributor, adapt } = this.#deps;
    distributor.publish(ir, adapt === undefined ? nodes : nodes.map(adapt), snapshot.secrets);
  }

  #soon(): void {
    if (this.#isStopped) return;
    this.#timer ??= this.#deps.clock.after(statusDelayMilliseconds, () => {
      this.#timer = undefined;
      this.#refresh();
    });
  }

  #refresh(): void {
    if (this.#translated === undefined) return;
    const { snapshot, ir, problems } = this.#translated;
    const now = new Date(this.#deps.clock.now()).toISOString();
    const objects = sortedBy(objectsOf(snapshot), ({ ref }) => describeRef(ref));
    const previous = this.#status;
    const status = makeStatus({ ir, objects, problems, nodes: this.nodes(), previous, now });
    this.#status = status;
    // An idle fabric writes nothing.
    if (previous !== undefined && isSameStatus(previous, status)) return;
    this.#writing = this.#writing.then(() => this.#write(status));
  }

  /** What is known of each node that objects wait for. */
  nodes(): readonly NodeKnowledge[] {
    const { distributor, concerns = () => true } = this.#deps;
    const slots = new Map(distributor.slots().map((slot) => [slot.node, slot]));
    const concerned = distributor.reports().filter(({ isConnected, node }) => isConnected || concerns(node));
    return concerned.map((report) => {
      const slot = slots.get(report.node);
      return { ...report, version: slot?.latest.version ?? 0n, report: slot?.report };
    });
  }

  async #write(status: StatusReport): Promise<void> {
    try {
      await this.#deps.status.write(status);
    } catch (caught) {
      const { code, message } = fromUnknown(caught);
      this.#deps.logger.error('the status cannot be written', { code, reason: message });
    }
  }
}
