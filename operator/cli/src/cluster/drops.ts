import { DropsResponse } from '@quiver/dataplane-api';
import type { DropsOptions } from '../commands/drops.ts';
import { usageFailure } from '../failure.ts';
import { structured } from '../output/format.ts';
import { type Column, Table } from '../output/table.ts';
import { answered, askAgents, type NodeAnswer } from './ask.ts';
import { findInstallation } from './installation.ts';
import { withCluster } from './options.ts';
import { type Reporting, reportFailures } from './report.ts';

/** A reason over all nodes. */
interface ReasonTotal {
  readonly reason: string;
  readonly description: string;
  readonly number: number;
  readonly packets: bigint;
  /** Nodes at which it occurred, most packets first. */
  readonly nodes: readonly { readonly node: string; readonly packets: bigint }[];
}

const columns: readonly Column<ReasonTotal>[] = [
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'PACKETS', value: ({ packets }) => String(packets) },
  { title: 'NODES', value: ({ nodes }) => nodes.map(({ node, packets }) => `${node}=${packets}`).join(' ') },
  { title: 'MEANING', value: ({ description }) => description },
];

/** Prints why packets were dropped in the cluster, most frequent first, and at which nodes. */
export function printClusterDrops(options: DropsOptions, reporting: Reporting): Promise<void> {
  if (options.watch === true) throw usageFailure('--watch shows one node only; use it with --socket on that node');
  const { context } = reporting;
  return withCluster(options, context, async (cluster) => {
    const { agents } = await findInstallation(cluster, options.namespace);
    const command = ['drops', ...(options.all === true ? ['--all'] : [])];
    const answers = await askAgents(cluster, agents, command, (answer) => DropsResponse.fromJSON(answer));
    const totals = totalsOf(answers);
    if (options.output === 'json' || options.output === 'yaml')
      context.stdout.write(structured({ drops: totals.map(jsonOf) }, options.output));
    else if (options.output === 'name') for (const { reason } of totals) context.stdout.write(`drop/${reason}\n`);
    else if (totals.length > 0) context.stdout.write(new Table(columns).print(totals));
    else context.stderr.write('no packet was dropped\n');
    reportFailures(answers, reporting);
  });
}

function totalsOf(answers: readonly NodeAnswer<DropsResponse>[]): readonly ReasonTotal[] {
  const totals = new Map<string, ReasonTotal>();
  for (const { agent, value } of answered(answers)) {
    for (const { reason, description, number, packets } of value.drops) {
      const { packets: before, nodes } = totals.get(reason) ?? { packets: 0n, nodes: [] };
      const here = packets === 0n ? [] : [{ node: agent.node, packets }];
      totals.set(reason, { reason, description, number, packets: before + packets, nodes: [...nodes, ...here] });
    }
  }
  return [...totals.values()].map(byMost).sort((one, other) => order(one, other) || one.number - other.number);
}

function byMost(total: ReasonTotal): ReasonTotal {
  return { ...total, nodes: total.nodes.toSorted(order) };
}

function order(one: { readonly packets: bigint }, other: { readonly packets: bigint }): number {
  return Number(other.packets - one.packets);
}

function jsonOf({ reason, description, packets, nodes }: ReasonTotal): unknown {
  const perNode = nodes.map(({ node, packets: count }) => [node, String(count)]);
  return { reason, description, packets: String(packets), nodes: Object.fromEntries(perNode) as unknown };
}
