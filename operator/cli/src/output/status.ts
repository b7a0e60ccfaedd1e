import {
  ConfigOrigin,
  type NodeView,
  type ObjectView,
  type PathReport,
  type StatusResponse,
  type TargetReport,
} from '@quiver/dataplane-api';
import { duration, endpoint } from './quantity.ts';
import { type Column, Table } from './table.ts';

const pathColumns: readonly Column<PathReport>[] = [
  { title: 'PEER', value: ({ router }) => router },
  { title: 'NODE', value: ({ node }) => node },
  { title: 'LOCAL', value: ({ localAddress }) => localAddress },
  { title: 'REMOTE', value: ({ remoteAddress }) => remoteAddress },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'SESSIONS', value: ({ sessions }) => String(sessions) },
  { title: 'CLOCK', value: ({ clockOffsetMs }) => `${clockOffsetMs > 0n ? '+' : ''}${clockOffsetMs}ms` },
  { title: 'MTU', value: ({ mtu }) => (mtu === 0 ? '' : String(mtu)) },
];

const targetColumns: readonly Column<TargetReport>[] = [
  { title: 'ROUTE', value: ({ route }) => route },
  { title: 'TARGET', value: ({ address, port }) => endpoint({ address, port }) },
  { title: 'HEALTHY', value: ({ healthy }) => (healthy ? 'True' : 'False') },
  { title: 'SESSIONS', value: ({ sessions }) => String(sessions) },
];

const nodeColumns: readonly Column<NodeView>[] = [
  { title: 'NODE', value: ({ node }) => node },
  { title: 'CONNECTED', value: ({ connected }) => (connected ? 'True' : 'False') },
  { title: 'CONFIGURATION', value: ({ state }) => state },
];

const objectColumns: readonly Column<ObjectView>[] = [
  {
    title: 'OBJECT',
    value: ({ kind, namespace, name }) => `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`,
  },
  { title: 'READY', value: ({ ready }) => ready },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'MESSAGE', value: ({ message }) => message },
];

/** How a node is, for people: sentences first, then a table for each thing there is. */
export function renderStatus(status: StatusResponse): string {
  const { counters, targets, operatorView, notices } = status;
  const sections = [
    [...nodeLines(status), ...configLines(status), ...sessionLines(status)].map((line) => `${line}\n`).join(''),
    table(pathColumns, counters?.paths ?? []),
    table(targetColumns, targets),
    table(nodeColumns, operatorView?.nodes ?? []),
    table(objectColumns, operatorView?.objects ?? []),
    list('Problems:', operatorView?.problems ?? []),
    list('Notices:', notices),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function nodeLines({ node, router, fabric, ready, agentVersion, uptimeMs }: StatusResponse): string[] {
  const state = ready ? 'ready' : 'not ready';
  return [
    `Node ${node} of router ${router} in fabric ${fabric} is ${state} (agent ${agentVersion}, up ${duration(uptimeMs)}).`,
  ];
}

function configLines({ config, operatorLink }: StatusResponse): string[] {
  const lines: string[] = [];
  if (config === undefined || config.version === 0n) lines.push('No configuration is in force.');
  else {
    const origin = config.origin === ConfigOrigin.CONFIG_ORIGIN_LAST_GOOD ? 'its own disk' : 'the operator';
    lines.push(`Configuration ${config.version} from ${origin}, in force for ${duration(config.inForceMs)}.`);
  }
  if (operatorLink !== undefined && !operatorLink.connected) {
    const stale = config?.stale === true ? `Stale for ${duration(config.staleMs)}: ` : '';
    lines.push(`${stale}${operatorLink.address} is not reached: ${operatorLink.reason}`);
  }
  for (const { field, message, code } of config?.rejected ?? [])
    lines.push(
      `Version ${config?.rejectedVersion} was refused: ${field === '' ? '' : `${field}: `}${message} (${code})`,
    );
  return lines;
}

function sessionLines({ counters }: StatusResponse): string[] {
  if (counters === undefined) return [];
  const { sessions, maxSessions, workers, drops } = counters;
  const dropped = drops.reduce((sum, { packets }) => sum + packets, 0n);
  const most = maxSessions === 0 ? '' : ` of ${maxSessions}`;
  return [`Sessions: ${sessions}${most}, ${workers} workers, ${dropped} packets dropped.`];
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return rows.length === 0 ? '' : new Table(columns).print(rows);
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].map((line) => `${line}\n`).join('');
}
