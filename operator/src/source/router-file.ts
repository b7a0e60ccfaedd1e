import type { z } from 'zod';
import { type RouterConfig, routerConfigSchema } from '../api/router-config.ts';
import { didYouMean, formatPath } from '../schema/index.ts';
import type { Problem } from '../translate/problem.ts';
import { readYaml, type YamlDocument } from './yaml-documents.ts';

/** The router file as it was read: a configuration, or what is wrong with it. */
export interface ParsedRouterFile {
  readonly config: RouterConfig | undefined;
  readonly problems: readonly Problem[];
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

/** Reads a RouterConfig: one document, no unknown field. */
export function parseRouterFile(file: string, text: string): ParsedRouterFile {
  const { documents, mistakes } = readYaml(text);
  const syntax = mistakes.map(({ line, message }) => problemAt(file, line, '', message));
  const [document, second] = documents;
  const lineOf = (path: readonly (string | number)[]) => document?.lineOf(path) ?? 1;
  if (document === undefined || syntax.length > 0) {
    const empty = problemAt(file, 1, '', 'the file holds no RouterConfig');
    return { config: undefined, problems: syntax.length > 0 ? syntax : [empty], lineOf };
  }
  if (second !== undefined) {
    const message = 'the file holds a second document; a router has one RouterConfig';
    return { config: undefined, problems: [problemAt(file, second.lineOf([]), '', message)], lineOf };
  }
  return { ...checkRouter(file, document), lineOf };
}

function checkRouter(file: string, document: YamlDocument): Pick<ParsedRouterFile, 'config' | 'problems'> {
  const result = routerConfigSchema.safeParse(document.value);
  if (result.success) return { config: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) =>
    findingsOf(issue).map(({ path, message }) => problemAt(file, document.lineOf(path), formatPath(path), message)),
  );
  return { config: undefined, problems };
}

interface PathFinding {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function findingsOf(issue: z.core.$ZodIssue): readonly PathFinding[] {
  const path = issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(path, key));
  if (issue.code === 'invalid_value') {
    return [{ path, message: `must be ${issue.values.map(String).join(' or ')}` }];
  }
  if (issue.code === 'invalid_type') {
    const isMissing = issue.message.endsWith('received undefined');
    return [{ path, message: `${isMissing ? 'is missing; it ' : ''}must be of type ${issue.expected}` }];
  }
  return [{ path, message: lowerFirst(issue.message) }];
}

function unknownField(parent: readonly (string | number)[], key: string): PathFinding {
  const meant = didYouMean(key, knownFields(parent));
  const hint = meant === undefined ? 'remove it' : `did you mean "${meant}"?`;
  return { path: [...parent, key], message: `is no field of a RouterConfig; ${hint}` };
}

const fieldsByParent: Readonly<Record<string, readonly string[]>> = {
  nodes: ['name', 'waypoints'],
  waypoints: ['name', 'address'],
  waypointPorts: ['first', 'last'],
  keySource: ['type', 'versions', 'active'],
  kubernetes: ['waypointAddress', 'podCidrs', 'serviceCidrs', 'mode', 'masquerade', 'mtu'],
  versions: ['version', 'file'],
  limits: ['maxSessions'],
  operator: ['listen', 'tls'],
  tls: ['certificate', 'key', 'authority'],
};

function knownFields(parent: readonly (string | number)[]): readonly string[] {
  const owner = parent.findLast((segment) => typeof segment === 'string');
  return owner === undefined ? Object.keys(routerConfigSchema.shape) : (fieldsByParent[owner] ?? []);
}

function problemAt(file: string, line: number, field: string, message: string): Problem {
  const object = { kind: 'RouterConfig', name: file } as const;
  return { code: 'InvalidRouterConfig', object, field, message, location: { file, line } };
}

function lowerFirst(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}
