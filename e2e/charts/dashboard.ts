/** One line of a graph: a query and what its series are called. */
type Query = readonly [expr: string, legend: string];

interface PanelSpec {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
}

interface RowSpec {
  readonly title: string;
  /** Numbers in a line, graphs below them. */
  readonly numbers: readonly PanelSpec[];
  readonly graphs: readonly PanelSpec[];
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;
const NUMBER_HEIGHT = 4;
const GRAPH_HEIGHT = 8;

function panel(title: string, description: string, unit: string, ...queries: readonly Query[]): PanelSpec {
  return { title, description, unit, queries };
}

const ROWS: readonly RowSpec[] = [
  {
    title: 'Fabric',
    numbers: [
      panel('Sessions', 'Live sessions of all nodes.', 'short', ['sum(quiver_dataplane_sessions)', '']),
      panel('Nodes ready', 'Nodes with a configuration in force and an engine that answers.', 'short', [
        'sum(quiver_node_ready)',
        '',
      ]),
      panel('Nodes', 'Nodes with an agent that Prometheus reaches.', 'short', ['count(quiver_node_ready)', '']),
      panel('Stale nodes', 'Nodes that do not reach the operator.', 'short', ['sum(quiver_config_stale)', '']),
      panel(
        'Peer paths up',
        'Paths whose last first packets were answered; an unused path is not among them.',
        'short',
        ['sum(quiver_peer_path_up)', ''],
      ),
      panel('Operator leads', '1 when one replica leads.', 'short', ['sum(quiver_operator_leader)', '']),
    ],
    graphs: [
      panel('Sessions by service', 'The ten with the most live sessions.', 'short', [
        'topk(10, sum by (service) (quiver_service_sessions))',
        '{{service}}',
      ]),
      panel('Traffic by service', 'The ten with the most bytes, both directions.', 'Bps', [
        'topk(10, sum by (service) (rate(quiver_service_bytes_total[$__rate_interval])))',
        '{{service}}',
      ]),
      panel(
        'New and ended sessions',
        'Of all nodes.',
        'ops',
        ['sum(rate(quiver_dataplane_sessions_opened_total[$__rate_interval]))', 'opened'],
        ['sum(rate(quiver_dataplane_sessions_closed_total[$__rate_interval]))', 'closed'],
      ),
      panel('Drops by reason', 'What each reason means: docs/drop-reasons.md.', 'pps', [
        'sum by (reason) (rate(quiver_dataplane_drops_total[$__rate_interval])) > 0',
        '{{reason}}',
      ]),
    ],
  },
  {
    title: 'Peers',
    numbers: [],
    graphs: [
      panel('Paths that do not answer', 'Share of the time in which first packets went unanswered.', 'percentunit', [
        'avg by (router) (avg_over_time(quiver_peer_path_suspect[5m]))',
        '{{router}}',
      ]),
      panel('Sessions by peer', 'Live sessions of all paths to a router.', 'short', [
        'sum by (router) (quiver_peer_path_sessions)',
        '{{router}}',
      ]),
      panel('Clock offset', 'Metadata is refused from 5 seconds on.', 's', [
        'max by (router) (abs(quiver_peer_clock_offset_seconds))',
        '{{router}}',
      ]),
      panel('Path MTU', 'Smallest one to each router.', 'bytes', [
        'min by (router) (quiver_peer_path_mtu_bytes > 0)',
        '{{router}}',
      ]),
    ],
  },
  {
    title: 'Nodes',
    numbers: [],
    graphs: [
      panel('Packets', 'By side and direction.', 'pps', [
        'sum by (side, direction) (rate(quiver_dataplane_packets_total[$__rate_interval]))',
        '{{side}} {{direction}}',
      ]),
      panel('Bytes', 'By side and direction.', 'Bps', [
        'sum by (side, direction) (rate(quiver_dataplane_bytes_total[$__rate_interval]))',
        '{{side}} {{direction}}',
      ]),
      panel('Session table', 'Share of the sessions that a node can carry.', 'percentunit', [
        'quiver_dataplane_sessions / quiver_dataplane_max_sessions',
        '{{instance}}',
      ]),
      panel('Age of the configuration', 'Time since the operator was known to want it.', 's', [
        'quiver_config_age_seconds',
        '{{instance}}',
      ]),
      panel('Unhealthy targets', 'By service route.', 'short', [
        'count by (route) (quiver_target_healthy == 0)',
        '{{route}}',
      ]),
      panel('Sessions by node', 'Live sessions.', 'short', ['quiver_dataplane_sessions', '{{instance}}']),
    ],
  },
  {
    title: 'Operator',
    numbers: [],
    graphs: [
      panel('Nodes by state', 'Whether they have acknowledged the newest configuration.', 'short', [
        'sum by (state) (quiver_operator_nodes and on (instance) quiver_operator_leader == 1)',
        '{{state}}',
      ]),
      panel('Mistakes in objects', 'By reason; the objects say more in their conditions.', 'short', [
        'max by (reason) (quiver_operator_problems)',
        '{{reason}}',
      ]),
      panel('Time of a translation', 'From all objects to the configurations of all nodes, 99 of 100.', 's', [
        'histogram_quantile(0.99, sum by (le) (rate(quiver_operator_translation_duration_seconds_bucket[$__rate_interval])))',
        'p99',
      ]),
      panel('Writes to the API server', 'By what is written and its result; none at rest.', 'ops', [
        'sum by (target, result) (rate(quiver_operator_writes_total[$__rate_interval]))',
        '{{target}} {{result}}',
      ]),
    ],
  },
];

/** The dashboard in Grafana's JSON model, for any Prometheus data source. */
export function dashboard(): object {
  return {
    uid: 'quiver',
    title: 'Quiver',
    description: 'Sessions, paths and nodes of one router of a Quiver fabric.',
    tags: ['quiver'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [],
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    panels: placed(ROWS),
  };
}

/** Every query of the dashboard. */
export function dashboardQueries(): string[] {
  return ROWS.flatMap(({ numbers, graphs }) => [...numbers, ...graphs]).flatMap(({ queries }) =>
    queries.map(([expr]) => expr),
  );
}

function placed(rows: readonly RowSpec[]): object[] {
  const panels: object[] = [];
  let top = 0;
  const add = (kind: object, width: number, height: number, column: number): void => {
    panels.push({ id: panels.length + 1, ...kind, gridPos: { x: column * width, y: top, w: width, h: height } });
  };
  for (const { title, numbers, graphs } of rows) {
    add({ type: 'row', title, collapsed: false, panels: [] }, WIDTH, 1, 0);
    top += 1;
    for (const [index, spec] of numbers.entries()) add(numberPanel(spec), WIDTH / numbers.length, NUMBER_HEIGHT, index);
    if (numbers.length > 0) top += NUMBER_HEIGHT;
    for (const [index, spec] of graphs.entries()) {
      add(graphPanel(spec), WIDTH / 2, GRAPH_HEIGHT, index % 2);
      if (index % 2 === 1 || index === graphs.length - 1) top += GRAPH_HEIGHT;
    }
  }
  return panels;
}

function numberPanel(spec: PanelSpec): object {
  return { type: 'stat', ...common(spec), options: { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'none' } };
}

function graphPanel(spec: PanelSpec): object {
  const legend = { displayMode: 'list', placement: 'bottom', showLegend: true };
  return { type: 'timeseries', ...common(spec), options: { legend, tooltip: { mode: 'multi', sort: 'desc' } } };
}

function common({ title, description, unit, queries }: PanelSpec): object {
  return {
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, min: unit === 's' ? null : 0 }, overrides: [] },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  };
}
