import type { Counters, PathReport, TargetReport } from '@quiver/dataplane-api';
import { Counter, Gauge, Registry } from 'prom-client';
import type { CniCounts } from '../cni/counts.ts';

/** Everything that metrics are made of, at one moment. */
export interface MetricsInput {
  readonly version: string;
  readonly router: string;
  readonly node: string;
  readonly counters: Counters;
  readonly eventsLost: bigint;
  readonly targets: readonly TargetReport[];
  readonly config: {
    /** 0 = none in force. */
    readonly version: bigint;
    readonly ageSeconds: number;
    readonly isStale: boolean;
    readonly rejections: number;
  };
  readonly isConnected: boolean;
  readonly isReady: boolean;
  /** Undefined where no container runtime is served. */
  readonly cni?: CniCounts | undefined;
}

/** More services, peer paths or targets than this share the label value `_other`. */
const maxSeries = 500;
const others = '_other';

type Labels = Readonly<Record<string, string>>;
type Value = number | bigint;
type Row = readonly [labels: Labels, value: Value];
type Fill = (input: MetricsInput) => readonly Row[];

interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly fill: Fill;
}

const gauges: readonly Definition[] = [
  {
    name: 'quiver_build_info',
    help: 'Version of the agent; always 1.',
    labels: ['version'],
    fill: ({ version }) => [[{ version }, 1]],
  },
  {
    name: 'quiver_node_info',
    help: 'Which router and node this is; always 1.',
    labels: ['router', 'node'],
    fill: ({ router, node }) => [[{ router, node }, 1]],
  },
  one('quiver_node_ready', 'Whether a configuration is in force and the engine answers.', (input) =>
    flag(input.isReady),
  ),
  one('quiver_dataplane_sessions', 'Live sessions.', ({ counters }) => counters.sessions),
  one('quiver_dataplane_max_sessions', 'Most sessions that the node carries.', ({ counters }) => counters.maxSessions),
  one('quiver_dataplane_workers', 'Worker threads of the engine.', ({ counters }) => counters.workers),
  one('quiver_config_version', 'Version of the configuration in force, 0 without one.', ({ config }) => config.version),
  one(
    'quiver_config_age_seconds',
    'Time since the operator was known to want the configuration in force.',
    ({ config }) => config.ageSeconds,
  ),
  one('quiver_config_stale', 'Whether the operator is not reached.', ({ config }) => flag(config.isStale)),
  one('quiver_operator_connected', 'Whether there is a stream to the operator.', (input) => flag(input.isConnected)),
  {
    name: 'quiver_service_sessions',
    help: 'Live sessions of a service.',
    labels: ['service'],
    fill: ({ counters }) => services(counters, ({ sessions }) => [[{}, sessions]]),
  },
  path('quiver_peer_path_up', 'Whether the last first packets of a peer path were answered.', (each) =>
    flag(each.state === 'Up'),
  ),
  path('quiver_peer_path_suspect', 'Whether first packets of a peer path went unanswered just now.', (each) =>
    flag(each.state === 'Suspect'),
  ),
  path('quiver_peer_path_sessions', 'Live sessions of a peer path.', (each) => each.sessions),
  path('quiver_peer_path_mtu_bytes', 'Largest IP packet that a peer path carries.', (each) => each.mtu),
  path(
    'quiver_peer_clock_offset_seconds',
    "How far the peer's clock is ahead of the own one.",
    (each) => Number(each.clockOffsetMs) / 1000,
  ),
  target('quiver_target_healthy', 'Whether a target answers its health check.', ({ healthy }) => flag(healthy)),
  cni('quiver_dataplane_cni_pods', 'Interfaces of pods that the container runtime told of.', ({ pods }) => pods),
  cni(
    'quiver_dataplane_cni_installed',
    'Whether the plugin is in the configuration of the container runtime.',
    (each) => flag(each.isInstalled),
  ),
  cni('quiver_dataplane_cni_free_addresses', 'Addresses left for pods of this node.', (each) => each.freeAddresses),
  target('quiver_target_sessions', 'Live sessions of a target.', ({ sessions }) => sessions),
];

const counters: readonly Definition[] = [
  one('quiver_dataplane_sessions_opened_total', 'Sessions opened.', (input) => input.counters.sessionsOpened),
  one('quiver_dataplane_sessions_closed_total', 'Sessions closed.', (input) => input.counters.sessionsClosed),
  {
    name: 'quiver_dataplane_drops_total',
    help: 'Packets dropped, by reason.',
    labels: ['reason'],
    fill: ({ counters: { drops } }) => drops.map(({ reason, packets }) => [{ reason }, packets]),
  },
  {
    name: 'quiver_dataplane_packets_total',
    help: 'Packets, by side and direction.',
    labels: ['side', 'direction'],
    fill: ({ counters: c }) => sides([c.lanPacketsIn, c.lanPacketsOut, c.wanPacketsIn, c.wanPacketsOut]),
  },
  {
    name: 'quiver_dataplane_bytes_total',
    help: 'Bytes of IP packets, by side and direction.',
    labels: ['side', 'direction'],
    fill: ({ counters: c }) => sides([c.lanBytesIn, c.lanBytesOut, c.wanBytesIn, c.wanBytesOut]),
  },
  {
    name: 'quiver_dataplane_metadata_packets_total',
    help: 'Packets with metadata, by direction.',
    labels: ['direction'],
    fill: ({ counters: c }) => [
      [{ direction: 'in' }, c.metadataPacketsIn],
      [{ direction: 'out' }, c.metadataPacketsOut],
    ],
  },
  one('quiver_dataplane_events_lost_total', 'Events of the engine that nobody fetched in time.', (i) => i.eventsLost),
  {
    name: 'quiver_service_packets_total',
    help: 'Packets of a service, by direction.',
    labels: ['service', 'direction'],
    fill: (input) => services(input.counters, (each) => directions(each.packetsForward, each.packetsReverse)),
  },
  {
    name: 'quiver_service_bytes_total',
    help: 'Bytes of a service, by direction.',
    labels: ['service', 'direction'],
    fill: (input) => services(input.counters, (each) => directions(each.bytesForward, each.bytesReverse)),
  },
  {
    name: 'quiver_dataplane_cni_requests_total',
    help: 'Requests of the container runtime, by command and result.',
    labels: ['command', 'result'],
    fill: ({ cni: counts }) =>
      [...(counts?.requests ?? [])].map(([key, number]) => {
        const [command = '', result = ''] = key.split(' ');
        return [{ command, result }, number];
      }),
  },
  cni(
    'quiver_dataplane_cni_unconfirmed_adds_total',
    "Pods started without the operator's word, because it was not reached.",
    ({ unconfirmed }) => unconfirmed,
  ),
  one('quiver_config_rejections_total', 'Configurations that were refused.', ({ config }) => config.rejections),
];

/** Metrics in Prometheus' text form, in a registry of their own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #fills: ((input: MetricsInput) => void)[] = [];

  constructor() {
    for (const definition of gauges) this.#addGauge(definition);
    for (const definition of counters) this.#addCounter(definition);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The exposition of one moment. What is not in the input any more is not in the text. */
  async text(input: MetricsInput): Promise<string> {
    for (const fill of this.#fills) fill(input);
    return this.#registry.metrics();
  }

  #addGauge({ name, help, labels = [], fill }: Definition): void {
    const gauge = new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry] });
    this.#fills.push((input) => {
      gauge.reset();
      for (const [values, value] of merged(fill(input))) gauge.set(values, value);
    });
  }

  // The engine counts; here its totals are only shown.
  #addCounter({ name, help, labels = [], fill }: Definition): void {
    const counter = new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
    this.#fills.push((input) => {
      counter.reset();
      for (const [values, value] of merged(fill(input))) counter.inc(values, value);
    });
  }
}

// Series beyond the limit have equal labels: they are added up.
function merged(rows: readonly Row[]): readonly (readonly [Labels, number])[] {
  const sums = new Map<string, [Labels, number]>();
  for (const [labels, value] of rows) {
    const key = JSON.stringify(labels);
    const sum = sums.get(key)?.[1] ?? 0;
    sums.set(key, [labels, sum + Number(value)]);
  }
  return [...sums.values()];
}

function one(name: string, help: string, value: (input: MetricsInput) => Value): Definition {
  return { name, help, fill: (input) => [[{}, value(input)]] };
}

// What is not served has no value, and so no series.
function cni(name: string, help: string, value: (each: CniCounts) => Value | undefined): Definition {
  const fill: Fill = ({ cni: counts }) => {
    const found = counts === undefined ? undefined : value(counts);
    return found === undefined ? [] : [[{}, found]];
  };
  return { name, help, fill };
}

function path(name: string, help: string, value: (each: PathReport) => Value): Definition {
  const labels = ['router', 'node', 'local', 'remote'];
  const fill: Fill = ({ counters: { paths } }) =>
    paths.slice(0, maxSeries).map((each) => {
      const { router, node, localAddress, remoteAddress } = each;
      return [{ router, node, local: localAddress, remote: remoteAddress }, value(each)];
    });
  return { name, help, labels, fill };
}

function target(name: string, help: string, value: (each: TargetReport) => Value): Definition {
  const fill: Fill = ({ targets }) =>
    targets.slice(0, maxSeries).map((each) => {
      const { route, address, port } = each;
      return [{ route, address, port: String(port) }, value(each)];
    });
  return { name, help, labels: ['route', 'address', 'port'], fill };
}

function services(
  { services: all }: Counters,
  rowsOf: (each: Counters['services'][number]) => readonly Row[],
): readonly Row[] {
  return all
    .toSorted((a, b) => (a.service < b.service ? -1 : 1))
    .flatMap((each, index) => {
      const service = index < maxSeries ? each.service : others;
      return rowsOf(each).map(([labels, value]): Row => [{ service, ...labels }, value]);
    });
}

function sides([lanIn, lanOut, wanIn, wanOut]: readonly [bigint, bigint, bigint, bigint]): readonly Row[] {
  return [
    [{ side: 'lan', direction: 'in' }, lanIn],
    [{ side: 'lan', direction: 'out' }, lanOut],
    [{ side: 'wan', direction: 'in' }, wanIn],
    [{ side: 'wan', direction: 'out' }, wanOut],
  ];
}

function directions(forward: bigint, reverse: bigint): readonly Row[] {
  return [
    [{ direction: 'forward' }, forward],
    [{ direction: 'reverse' }, reverse],
  ];
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}
