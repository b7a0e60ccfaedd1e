import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { SupportBundleOptions } from '../../commands/support-bundle.ts';
import { exitCodes, Failure, usageFailure } from '../../failure.ts';
import { bytes } from '../../output/quantity.ts';
import type { Cluster } from '../cluster.ts';
import { render, runChecks } from '../diagnose/command.ts';
import { evidenceOf } from '../diagnose/evidence.ts';
import { findInstallation } from '../installation.ts';
import { withCluster } from '../options.ts';
import type { Reporting } from '../report.ts';
import { renderOverview } from '../status.ts';
import { add, type Collected, collect } from './collect.ts';
import { tarOf } from './tar.ts';

const readme = `What a cluster told about Quiver.

status.txt, diagnose.txt   what kubectl quiver status and diagnose print
quiver/                    the four kinds with their conditions, and their events
cluster/                   nodes, namespaces, Services and EndpointSlices that Quiver owns
release/                   what was installed
nodes/NODE/                state, sessions, drop counters and facts of each node
logs/POD/                  logs of operator and agents
errors.txt                 what could not be had

It holds names and addresses of pods, services and clients. It holds no Secret: none was read, and values that can
be secret are left out.
`;

/** Writes everything that somebody who helps needs into one file. */
export function writeSupportBundle(options: SupportBundleOptions, { context, outcome }: Reporting): Promise<void> {
  const lines = Number(options.logLines);
  if (!Number.isInteger(lines) || lines < 1) throw usageFailure(`--log-lines ${options.logLines} is no number from 1`);
  return withCluster(options, context, async (cluster) => {
    const installation = await findInstallation(cluster, options.namespace);
    const collected = await collect(cluster, installation, lines);
    await addReports(collected, cluster, options.namespace, context);
    add(collected, 'README.txt', readme);
    add(collected, 'errors.txt', collected.errors.map((error) => `${error}\n`).join(''));
    const file = options.file ?? fileName(cluster.context, context.now());
    const archive = archiveOf(collected, file, context.now());
    await writeFile(file, archive, { mode: 0o600 }).catch((caught: unknown) => {
      throw new Failure(`${file} cannot be written: ${caught instanceof Error ? caught.message : String(caught)}`);
    });
    for (const error of collected.errors) context.stderr.write(`missing: ${error}\n`);
    context.stdout.write(`${file}: ${collected.files.length} files, ${bytes(archive.length)}\n`);
    if (collected.errors.length > 0) outcome.exitCode = exitCodes.failure;
  });
}

async function addReports(
  collected: Collected,
  cluster: Cluster,
  namespace: string | undefined,
  client: { readonly version: string; readonly now: () => number },
): Promise<void> {
  try {
    const evidence = await evidenceOf(cluster, namespace, client);
    add(collected, 'status.txt', renderOverview(evidence.overview));
    add(collected, 'diagnose.txt', render(evidence, runChecks(evidence, [evidence]), false));
    collected.errors.push(...evidence.unread);
  } catch (caught) {
    collected.errors.push(`diagnose: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
}

// Unpacked, everything lies in one folder.
function archiveOf({ files }: Collected, file: string, now: number): Buffer {
  const folder = (file.split('/').at(-1) ?? file).replace(/\.(?:tar\.gz|tgz)$/, '');
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  return gzipSync(
    tarOf(
      sorted.map(({ path, content }) => ({ path: `${folder}/${path}`, content })),
      now,
    ),
  );
}

function fileName(context: string, now: number): string {
  const time = new Date(now).toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  return `quiver-${context.replaceAll(/[^A-Za-z0-9._-]/g, '-')}-${time}.tar.gz`;
}
