import { StatusResponse } from '@quiver/dataplane-api';
import { exitCodes } from '../failure.ts';
import { structured } from '../output/format.ts';
import { duration } from '../output/quantity.ts';
import { type Column, Table } from '../output/table.ts';
import { answered, type NodeAnswer } from './ask.ts';
import { type ClusterOptions, withClusters } from './options.ts';
import { isHealthy, type ObjectState, type Overview, overviewOf } from './overview.ts';
import { isReady } from './pod.ts';
import type { Reporting } from './report.ts';
import { skewOf } from './versions.ts';

interface StatusOptions extends ClusterOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

/** Prints how Quiver is in each cluster. */
export function printClusterStatus(options: StatusOptions, { context, outcome }: Reporting): Promise<void> {
  return withClusters(options, context, async (clusters) => {
    const overviews = await Promise.all(
      clusters.map((cluster) => overviewOf(cluster, options.namespace, context.version)),
    );
    if (options.output === 'text') context.stdout.write(overviews.map(renderOverview).join('\n'));
    else context.stdout.write(structured({ clusters: overviews.map(jsonOf) }, options.output));
    if (!overviews.every(isHealthy)) outcome.exitCode = exitCodes.failure;
  });
}

type NodeRow = NodeAnswer<StatusResponse>;

const nodeColumns: readonly Column<NodeRow>[] = [
  { title: 'NODE', value: ({ agent }) => agent.node },
  { title: 'READY', value: (row) => ('value' in row ? (row.value.ready ? 'True' : 'False') : 'Unknown') },
  { title: 'OPERATOR', value: (row) => ('value' in row ? connection(row.value) : '') },
  { title: 'CONFIGURATION', value: (row) => ('value' in row ? configuration(row.value) : '') },
  { title: 'SESSIONS', value: (row) => ('value' in row ? String(row.value.counters?.sessions ?? 0n) : '') },
  { title: 'PATHS', value: (row) => ('value' in row ? paths(row.value) : '') },
  { title: 'VERSION', value: (row) => ('value' in row ? row.value.agentVersion : '') },
  { title: 'UP', value: (row) => ('value' in row ? duration(row.value.uptimeMs) : '') },
];

const objectColumns: readonly Column<ObjectState>[] = [
  { title: 'OBJECT', value: ({ object }) => object },
  { title: 'READY', value: ({ ready }) => ready },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'MESSAGE', value: ({ message }) => message },
];

/** A cluster for people: sentences, then its nodes, then only what has a problem. */
export function renderOverview(overview: Overview): string {
  const { nodes, objects, versions } = overview;
  const wrong = objects.filter(({ ready }) => ready !== 'True');
  const sections = [
    [...headLines(overview), objectsLine(objects, wrong)].map((line) => `${line}\n`).join(''),
    nodes.length === 0 ? '' : new Table(nodeColumns).print(nodes),
    wrong.length === 0 ? '' : new Table(objectColumns).print(wrong),
    list('Problems:', nodes.flatMap(problemsOf)),
    list('Versions:', skewOf(versions)),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function headLines(overview: Overview): readonly string[] {
  const { context, server, installation, leadership, versions } = overview;
  const [first] = answered(overview.nodes);
  const who = first === undefined ? '' : `, router ${first.value.router} of fabric ${first.value.fabric}`;
  const ready = installation.operators.filter(isReady).length;
  const leader =
    leadership?.isFresh === true
      ? `${leadership.holder} leads (epoch ${leadership.epoch || 'unknown'})`
      : `nobody leads${leadership === undefined || leadership.holder === '' ? '' : `, ${leadership.holder} was seen ${duration(leadership.ageMs)} ago`}`;
  return [
    `Cluster ${context} at ${server}, namespace ${installation.namespace}${who}.`,
    `Operator: ${ready} of ${installation.operators.length} pods ready, version ${versions.operators.join(', ') || 'unknown'}; ${leader}.`,
  ];
}

function objectsLine(objects: readonly ObjectState[], wrong: readonly ObjectState[]): string {
  return `Objects: ${objects.length - wrong.length} of ${objects.length} ready.`;
}

function connection({ operatorLink }: StatusResponse): string {
  return operatorLink?.connected === true ? 'connected' : 'not reached';
}

function configuration({ config }: StatusResponse): string {
  if (config === undefined || config.version === 0n) return 'none';
  if (config.rejectedVersion !== 0n) return `${config.version}, refused ${config.rejectedVersion}`;
  return config.stale ? `${config.version}, stale for ${duration(config.staleMs)}` : String(config.version);
}

function paths({ counters }: StatusResponse): string {
  const all = counters?.paths ?? [];
  return `${all.filter(({ state }) => state === 'Up').length}/${all.length} up`;
}

function problemsOf(row: NodeRow): readonly string[] {
  const { node } = row.agent;
  if ('error' in row) return [`node ${node}: ${row.error}`];
  const { config, operatorLink, notices } = row.value;
  const refused = (config?.rejected ?? []).map(({ field, message, code }) => `refused ${field}: ${message} (${code})`);
  const unlinked = operatorLink?.connected === false ? [`the operator is not reached: ${operatorLink.reason}`] : [];
  return [...refused, ...unlinked, ...notices].map((sentence) => `node ${node}: ${sentence}`);
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].map((line) => `${line}\n`).join('');
}

function jsonOf(overview: Overview): unknown {
  const { context, server, installation, leadership, nodes, objects, versions } = overview;
  return {
    context,
    server,
    namespace: installation.namespace,
    healthy: isHealthy(overview),
    operator: { ready: installation.operators.filter(isReady).length, replicas: installation.operators.length },
    leader: leadership ?? null,
    versions: { ...versions, skew: skewOf(versions) },
    nodes: nodes.map((row) => ({
      node: row.agent.node,
      ...('error' in row ? { error: row.error } : { status: StatusResponse.toJSON(row.value) }),
    })),
    objects,
  };
}
