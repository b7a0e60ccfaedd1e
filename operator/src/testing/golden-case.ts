import { NodeConfig } from '@quiver/dataplane-api';
import { parseDocument, stringify } from 'yaml';
import { qualifiedName } from '../api/resources.ts';
import type { RouterConfig, SecretVersion } from '../api/router-config.ts';
import { findingsFor } from '../conditions/findings.ts';
import { mergeConditions } from '../conditions/merge.ts';
import type { NodeReport } from '../conditions/node-report.ts';
import { desiredOwnedObjects } from '../dns/owned-objects.ts';
import { assertValid } from '../ir/validate.ts';
import { projectAll } from '../project/node-config.ts';
import { FabricSecret } from '../source/fabric-secret.ts';
import { collectFiles, nextFileState } from '../source/file-state.ts';
import { type Crds, parseResourceFile } from '../source/resource-file.ts';
import type { Snapshot } from '../source/resource-source.ts';
import { parseRouterFile } from '../source/router-file.ts';
import { makeSnapshot, objectsOf } from '../source/snapshot.ts';
import { translate } from '../translate/index.ts';
import { formatProblem, type Problem } from '../translate/problem.ts';
import { clusterOfText } from './cluster-text.ts';

/** A snapshot of one text that holds a RouterConfig and resources; undefined when the RouterConfig is refused. */
export function snapshotOfText(
  text: string,
  crds: Crds,
): { snapshot: Snapshot | undefined; problems: readonly Problem[] } {
  const documents = text.split(/^---$/m);
  const kindOf = (document: string) => parseDocument(document).get('kind');
  const isRouter = (document: string) => kindOf(document) === 'RouterConfig';
  const isCluster = (document: string) => kindOf(document) === 'KubernetesObjects';
  // Line breaks stay where they are, so that every problem has its line of the whole text.
  const blank = (document: string) => document.replaceAll(/[^\n]/g, '');
  const pick = (keep: (document: string) => boolean) =>
    documents.map((document) => (keep(document) ? document : blank(document)));
  const router = parseRouterFile('in.yaml', pick(isRouter).join('\n').replace(/\n$/, ''));
  if (router.config === undefined) return { snapshot: undefined, problems: router.problems };
  const cluster = documents.find(isCluster);
  const resources = parseResourceFile(
    'in.yaml',
    pick((document) => !isRouter(document) && !isCluster(document)).join('---'),
    crds,
    { isInCluster: cluster !== undefined },
  );
  const { snapshot } = makeSnapshot({
    router: router.config,
    routerProblems: router.problems,
    secrets: versionsOf(router.config).map(({ version, file }) => new FabricSecret(version, Buffer.from(file))),
    collected: collectFiles(new Map([['in.yaml', nextFileState(undefined, resources)]])),
    generations: new Map(),
  });
  const around = cluster === undefined ? {} : clusterOfText(cluster);
  return { snapshot: { ...snapshot, ...around }, problems: snapshot.problems };
}

function versionsOf({ keySource }: RouterConfig): readonly SecretVersion[] {
  return keySource?.versions ?? [{ version: 1, file: 'secret' }];
}

/** What a user gets for a text: problems with their lines, conditions, the representation, each node's configuration. */
export function goldenOutput(text: string, crds: Crds): string {
  const { snapshot, problems: sourceProblems } = snapshotOfText(text, crds);
  if (snapshot === undefined) return write({ problems: sourceProblems.map(formatProblem) });
  const { ir, problems: found } = translate(snapshot);
  assertValid(ir);
  const located = found.map((problem) => withLocation(problem, snapshot));
  const problems = [...sourceProblems, ...located];
  const projected = projectAll(ir);
  const nodes = projected.map(({ node, config }): NodeReport => {
    return { node, wanted: config, acknowledged: config, rejected: [], isConnected: true, paths: [] };
  });
  const conditions = objectsOf(snapshot).map(({ ref, generation }) => {
    const merged = mergeConditions(findingsFor(ref, { ir, problems, nodes }), [], generation, '2026-01-01T00:00:00Z');
    return [
      `${ref.kind} ${qualifiedName(ref)}`,
      merged.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
    ];
  });
  return write({
    problems: problems.map(formatProblem),
    conditions: Object.fromEntries(conditions) as unknown,
    ir,
    nodes: Object.fromEntries(projected.map(({ node, config }) => [node, NodeConfig.toJSON(config)])),
    ...(ir.dns === undefined ? {} : { owned: desiredOwnedObjects(ir, snapshot.services) }),
  });
}

function withLocation(problem: Problem, snapshot: Snapshot): Problem {
  const location = snapshot.locate(problem.object, problem.field);
  return location === undefined ? problem : { ...problem, location };
}

function write(output: unknown): string {
  return stringify(output, { aliasDuplicateObjects: false, lineWidth: 0 });
}
