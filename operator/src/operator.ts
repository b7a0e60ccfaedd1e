import { describeRef } from './api/resources.ts';
import type { Clock, Timer } from './clock.ts';
import type { Distributor } from './distribute/distributor.ts';
import { fromUnknown } from './errors.ts';
import { canonicalJson } from './ir/canonical.ts';
import type { FabricIr } from './ir/fabric-ir.ts';
import { assertValid } from './ir/validate.ts';
import type { Logger } from './logger.ts';
import { projectAll } from './project/node-config.ts';
import type { ResourceSource, Snapshot, Subscription } from './source/resource-source.ts';
import { objectsOf } from './source/snapshot.ts';
import { makeStatus, type NodeKnowledge, type StatusReport } from './status/status-report.ts';
import type { StatusSink } from './status/status-sink.ts';
import { translate } from './translate/index.ts';
import { type Problem, sortProblems } from './translate/problem.ts';

export interface OperatorDeps {
  readonly source: ResourceSource;
  readonly distributor: Distributor;
  readonly status: StatusSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Answers of nodes within this time are one status; so is what they report. */
const statusDelayMilliseconds = 100;

interface State {
  readonly snapshot: Snapshot;
  readonly ir: FabricIr;
  readonly problems: readonly Problem[];
}

/** Resources in; configurations to the nodes and a status out. The same in standalone mode and in a cluster. */
export class Operator {
  readonly #deps: OperatorDeps;
  #subscription: Subscription | undefined;
  #state: State | undefined;
  #status: StatusReport | undefined;
  #written = '';
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: OperatorDeps) {
    this.#deps = deps;
  }

  /** Reads the resources and keeps up with them. Rejects when there is no usable state to begin with. */
  async start(): Promise<void> {
    this.#deps.distributor.onChange(() => this.#soon());
    this.#subscription = await this.#deps.source.subscribe((snapshot) => this.#take(snapshot));
  }

  /** Stops looking at resources; the last status is written. Nodes go on with what they have. */
  async stop(): Promise<void> {
    this.#subscription?.close();
    this.#timer?.cancel();
    await this.#writing;
  }

  /** The present status; undefined before the first resources. */
  get status(): StatusReport | undefined {
    return this.#status;
  }

  /** The present representation; undefined before the first resources. */
  get ir(): FabricIr | undefined {
    return this.#state?.ir;
  }

  #take(snapshot: Snapshot): void {
    try {
      const { ir, problems } = translate(snapshot);
      assertValid(ir);
      this.#deps.distributor.publish(ir, projectAll(ir), snapshot.secrets);
      const located = problems.map((problem) => withLocation(problem, snapshot));
      this.#state = { snapshot, ir, problems: sortProblems([...snapshot.problems, ...located]) };
      this.#refresh();
    } catch (caught) {
      const { code, message } = fromUnknown(caught);
      this.#deps.logger.error('the resources cannot be translated, the last state goes on', { code, reason: message });
    }
  }

  #soon(): void {
    this.#timer ??= this.#deps.clock.after(statusDelayMilliseconds, () => {
      this.#timer = undefined;
      this.#refresh();
    });
  }

  #refresh(): void {
    if (this.#state === undefined) return;
    const { snapshot, ir, problems } = this.#state;
    const now = new Date(this.#deps.clock.now()).toISOString();
    const objects = objectsOf(snapshot).toSorted((one, other) =>
      describeRef(one.ref) < describeRef(other.ref) ? -1 : 1,
    );
    const status = makeStatus({ ir, objects, problems, nodes: this.#nodes(), previous: this.#status, now });
    this.#status = status;
    const text = canonicalJson(status);
    // An idle fabric writes nothing.
    if (text === this.#written) return;
    this.#written = text;
    this.#writing = this.#writing.then(() => this.#write(status));
  }

  #nodes(): readonly NodeKnowledge[] {
    const { distributor } = this.#deps;
    const slots = new Map(distributor.slots().map((slot) => [slot.node, slot]));
    return distributor.reports().map((report) => {
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

function withLocation(problem: Problem, snapshot: Snapshot): Problem {
  const location = snapshot.locate(problem.object, problem.field);
  return location === undefined ? problem : { ...problem, location };
}
