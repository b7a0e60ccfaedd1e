import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { NodeReport } from '../conditions/node-report.ts';
import type { Problem } from '../translate/problem.ts';

/** How well one kind of the API server is followed. */
export interface WatchState {
  readonly kind: string;
  readonly isSynced: boolean;
  /** Times that a list or a watch began anew. */
  readonly restarts: number;
  /** Milliseconds since the Unix epoch; 0 before the first. */
  readonly lastProgress: number;
}

/** What is asked when Prometheus asks. */
export interface MetricSources {
  readonly isLeader: () => boolean;
  readonly isReady: () => boolean;
  readonly watches: () => readonly WatchState[];
  readonly problems: () => readonly Problem[];
  readonly nodes: () => readonly NodeReport[];
  readonly queues: () => Readonly<Record<string, number>>;
  readonly eventsDropped: () => number;
  /** End of the authority's certificate, in milliseconds since the Unix epoch; undefined while there is none. */
  readonly authorityEnd: () => number | undefined;
}

/** The figures of one operator, as `quiver_operator_*`. */
export class OperatorMetrics {
  readonly #registry = new Registry();
  readonly #translation: Histogram;
  readonly #writes: Counter<'target' | 'result'>;
  readonly #enrolments: Counter<'result'>;

  constructor(version: string, sources: MetricSources) {
    const registers = [this.#registry];
    const named = (name: string, help: string) => ({ name: `quiver_operator_${name}`, help, registers });
    // Milliseconds: each look at the event loop wakes the process.
    const eventLoopMonitoringPrecision = 100;
    collectDefaultMetrics({ register: this.#registry, prefix: 'quiver_operator_', eventLoopMonitoringPrecision });
    // Gauges with the names of counters: promtool objects to them.
    for (const what of ['handles', 'requests', 'resources'])
      this.#registry.removeSingleMetric(`quiver_operator_nodejs_active_${what}_total`);
    new Gauge({ ...named('info', 'Version of this operator.'), labelNames: ['version'] }).set({ version }, 1);
    this.#translation = new Histogram({
      ...named('translation_duration_seconds', 'Time to turn all resources into configurations.'),
      buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    });
    this.#writes = new Counter({
      ...named('writes_total', 'Writes to the API server: status, owned objects and taints of nodes.'),
      labelNames: ['target', 'result'],
    });
    this.#enrolments = new Counter({
      ...named('enrolments_total', 'Requests of agents for a certificate.'),
      labelNames: ['result'],
    });
    addReplicaGauges(named, sources);
    addFabricGauges(named, sources);
  }

  /** Runs a translation and measures it. */
  readonly measureTranslation = <T>(run: () => T): T => {
    const end = this.#translation.startTimer();
    try {
      return run();
    } finally {
      end();
    }
  };

  written(target: string, result: string): void {
    this.#writes.inc({ target, result });
  }

  enrolled(result: string): void {
    this.#enrolments.inc({ result });
  }

  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

type Named = (name: string, help: string) => { name: string; help: string; registers: Registry[] };

function addReplicaGauges(named: Named, sources: MetricSources): void {
  gauge(named('leader', '1 when this operator leads.'), () => Number(sources.isLeader()));
  gauge(named('ready', '1 when the caches are filled.'), () => Number(sources.isReady()));
  gauge(named('events_dropped', 'Events that could not be written since the start.'), sources.eventsDropped);
  gauge(named('authority_expiry_timestamp_seconds', 'End of the certificate that signs agents; 0 when unknown.'), () =>
    Math.floor((sources.authorityEnd() ?? 0) / 1_000),
  );
  const perKind = (name: string, help: string, value: (state: WatchState) => number) =>
    labelled({ ...named(name, help), labelNames: ['kind'] }, () =>
      sources.watches().map((state) => [{ kind: state.kind }, value(state)]),
    );
  perKind('watch_synced', '1 when the cache of the kind is filled.', ({ isSynced }) => Number(isSynced));
  perKind('watch_restarts', 'Lists and watches of the kind that began anew since the start.', (one) => one.restarts);
  perKind('watch_last_progress_timestamp_seconds', 'When the API server last said anything about the kind.', (one) =>
    Math.floor(one.lastProgress / 1_000),
  );
  labelled({ ...named('queue_depth', 'Objects that wait to be written.'), labelNames: ['queue'] }, () =>
    Object.entries(sources.queues()).map(([queue, depth]) => [{ queue }, depth]),
  );
}

function addFabricGauges(named: Named, sources: MetricSources): void {
  gauge(named('agents_connected', 'Agents with a stream to this operator.'), () =>
    count(sources.nodes(), ({ isConnected }) => isConnected),
  );
  labelled({ ...named('nodes', 'Nodes by the state of their configuration.'), labelNames: ['state'] }, () => {
    const nodes = sources.nodes();
    return (['Current', 'Pending', 'Rejected'] as const).map((state) => [
      { state },
      count(nodes, (node) => stateOf(node) === state),
    ]);
  });
  labelled({ ...named('problems', 'Mistakes in resources, by reason.'), labelNames: ['reason'] }, () =>
    [...Map.groupBy(sources.problems(), ({ code }) => code)].map(([reason, all]) => [{ reason }, all.length]),
  );
}

function stateOf({ wanted, acknowledged, rejected }: NodeReport): 'Current' | 'Pending' | 'Rejected' {
  if (rejected.length > 0) return 'Rejected';
  return wanted === acknowledged ? 'Current' : 'Pending';
}

type GaugeSettings = ReturnType<Named>;

function gauge(settings: GaugeSettings, value: () => number): void {
  const made = new Gauge({
    ...settings,
    collect() {
      this.set(value());
    },
  });
  made.set(0);
}

// What is no longer told has no series any more.
function labelled(
  settings: GaugeSettings & { readonly labelNames: string[] },
  values: () => readonly (readonly [Record<string, string>, number])[],
): void {
  const made = new Gauge({
    ...settings,
    collect() {
      this.reset();
      for (const [labels, value] of values()) this.set(labels, value);
    },
  });
  made.reset();
}

function count<T>(items: readonly T[], fits: (item: T) => boolean): number {
  return items.filter(fits).length;
}
