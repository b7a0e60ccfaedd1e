import type { Clock, Timer } from './clock.ts';
import { Containment } from './containment.ts';
import { fromUnknown } from './errors.ts';
import type { FabricIr } from './ir/fabric-ir.ts';
import { assertValid } from './ir/validate.ts';
import type { Logger } from './logger.ts';
import { type ProjectedNode, projectAll } from './project/node-config.ts';
import type { ResourceSource, Snapshot, Subscription } from './source/resource-source.ts';
import { translate } from './translate/index.ts';
import { Memory } from './translate/memory.ts';
import { type Problem, sortProblems } from './translate/problem.ts';

/** What the resources of one moment mean. Never changes. */
export interface Translated {
  readonly snapshot: Snapshot;
  readonly ir: FabricIr;
  /** Of the source and of the translation, with their places. */
  readonly problems: readonly Problem[];
  readonly nodes: readonly ProjectedNode[];
}

export interface TranslatorDeps {
  readonly source: ResourceSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs a translation; the place to measure it. */
  readonly measure?: <T>(run: () => T) => T;
}

/** Share of a processor that a storm of changes may take. */
const stormShare = 0.5;
/** Milliseconds of translation that are made without any wait before it counts as a storm. */
const calmBudget = 5_000;

/** Keeps the translation of the newest resources. Leading or not makes no difference here. */
export class Translator {
  readonly #deps: TranslatorDeps;
  readonly #listeners = new Set<(translated: Translated) => void>();
  readonly #containment = new Containment();
  readonly #memory = new Memory();
  #subscription: Subscription | undefined;
  #latest: Translated | undefined;
  #waiting: Snapshot | undefined;
  #rest: Timer | undefined;
  #budget = calmBudget;
  #paidAt: number;

  constructor(deps: TranslatorDeps) {
    this.#deps = deps;
    this.#paidAt = deps.clock.now();
  }

  /** Undefined before the first resources. */
  get latest(): Translated | undefined {
    return this.#latest;
  }

  /** Reads the resources and keeps up with them. Rejects when there is no usable state to begin with. */
  async start(): Promise<void> {
    this.#subscription = await this.#deps.source.subscribe((snapshot) => this.#offer(snapshot));
  }

  stop(): void {
    this.#subscription?.close();
    this.#rest?.cancel();
  }

  /** Calls `listener` with the present translation, if there is one, and with every later one. */
  subscribe(listener: (translated: Translated) => void): Subscription {
    this.#listeners.add(listener);
    if (this.#latest !== undefined) listener(this.#latest);
    return { close: () => this.#listeners.delete(listener) };
  }

  // Changes are taken at once; in a storm of them the processor rests in between, and of what came then only the newest
  // is taken.
  #offer(snapshot: Snapshot): void {
    if (this.#rest !== undefined) {
      this.#waiting = snapshot;
      return;
    }
    const { clock } = this.#deps;
    const began = clock.now();
    this.#take(snapshot);
    const rest = this.#pay(began);
    if (rest <= 0) return;
    this.#rest = clock.after(rest, () => {
      this.#rest = undefined;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting !== undefined) this.#offer(waiting);
    });
  }

  /** Takes what the translation took off the budget; milliseconds until there is one again. */
  #pay(began: number): number {
    const now = this.#deps.clock.now();
    const earned = (began - this.#paidAt) * stormShare;
    this.#budget = Math.min(calmBudget, this.#budget + earned) - (now - began);
    this.#paidAt = now;
    return -this.#budget / stormShare;
  }

  #take(snapshot: Snapshot): void {
    const { measure = (run) => run(), logger } = this.#deps;
    try {
      this.#latest = measure(() => this.#containment.run(snapshot, (one) => translateAll(one, this.#memory)));
    } catch (caught) {
      const { code, message } = fromUnknown(caught);
      logger.error('the resources cannot be translated, the last state goes on', { code, reason: message });
      return;
    }
    for (const listener of this.#listeners) listener(this.#latest);
  }
}

function translateAll(snapshot: Snapshot, memory: Memory): Translated {
  const { ir, problems } = translate(snapshot, memory);
  assertValid(ir);
  const located = problems.map((problem) => withLocation(problem, snapshot));
  return { snapshot, ir, problems: sortProblems([...snapshot.problems, ...located]), nodes: projectAll(ir) };
}

function withLocation(problem: Problem, snapshot: Snapshot): Problem {
  const location = snapshot.locate(problem.object, problem.field);
  return location === undefined ? problem : { ...problem, location };
}
