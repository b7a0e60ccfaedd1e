import { structured } from '../output/format.ts';
import { type ClusterOptions, withClusters } from './options.ts';
import { overviewOf } from './overview.ts';
import { type Reporting, reportFailures } from './report.ts';
import { skewOf } from './versions.ts';

interface VersionOptions extends ClusterOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

/** Prints which versions run in each cluster; what is odd about them goes to stderr. */
export function printClusterVersions(options: VersionOptions, reporting: Reporting): Promise<void> {
  const { context } = reporting;
  // Known even when no cluster can be asked.
  if (options.output === 'text') context.stdout.write(`Client: ${context.version}\n`);
  return withClusters(options, context, async (clusters) => {
    const all = await Promise.all(clusters.map((cluster) => overviewOf(cluster, options.namespace, context.version)));
    const versions = all.map(({ context: cluster, versions: { operators, agents } }) => ({
      cluster,
      operators,
      agents,
    }));
    if (options.output === 'text') {
      const lines = versions.flatMap(({ cluster, operators, agents }) => [
        `Operator of ${cluster}: ${operators.join(', ') || 'unknown'}`,
        `Agents of ${cluster}: ${agents.join(', ') || 'unknown'}`,
      ]);
      context.stdout.write(lines.map((line) => `${line}\n`).join(''));
    } else context.stdout.write(structured({ client: context.version, clusters: versions }, options.output));
    const odd = new Set(all.flatMap((overview) => skewOf(overview.versions)));
    for (const sentence of odd) context.stderr.write(`${sentence}\n`);
    for (const { nodes } of all) reportFailures(nodes, reporting);
  });
}
