import type { ObjectRef } from '../api/resources.ts';
import { describeRef, qualifiedName } from '../api/resources.ts';
import { byText } from '../ir/canonical.ts';

/** The condition a problem shows in. A warning leaves it True and lends it its reason. */
interface ProblemKind {
  readonly condition: 'Accepted' | 'ResolvedRefs' | 'DNSPublished' | 'Ready';
  readonly severity: 'Error' | 'Warning';
  readonly meaning: string;
}

/** Every reason why an object is not, or not wholly, in force. Stable: users select and alert by them. */
export const problemReasons = {
  AddressReserved: error('Accepted', 'An address belongs to a waypoint, a pool, or a range that services cannot have.'),
  DuplicateAddress: error('Accepted', 'Two services claim one address with the same protocol and port.'),
  DuplicateObject: error('Accepted', 'Two documents define one object; the first is used.'),
  DuplicateRouter: error('Accepted', 'Two peers name one router; the first is used.'),
  FileUnreadable: error('Accepted', 'A resource file cannot be read.'),
  InvalidObject: error('Accepted', 'A field is unknown, missing, of the wrong type or out of its bounds.'),
  InvalidRouterConfig: error('Accepted', 'The router file has a wrong or unknown field.'),
  InvalidYaml: error('Accepted', 'A file is no YAML.'),
  MissingFamily: error('Accepted', 'A peer waypoint is of a family for which no node here has a waypoint.'),
  NameTaken: error('DNSPublished', 'A core Service of the same name is not ours, so the name leads there.'),
  NoPublishableAddress: error('DNSPublished', 'A service has no single address that a name could stand for.'),
  NoReadyEndpoints: error('Ready', 'The core Service has no endpoint that takes new sessions now.'),
  NoRoute: error('Ready', 'A service has no service route in force, so nothing can reach it.'),
  NodeUnusable: error('Accepted', 'A node of the cluster lacks an address or a prefix and takes no part.'),
  NoSources: error('Accepted', 'A tenant member names only addresses of pods, which belong by selectors.'),
  NotSupported: error(
    'Accepted',
    'A field of the API is not implemented here yet, and is refused rather than ignored.',
  ),
  OwnRouter: error('Accepted', 'A peer names this router itself.'),
  PodsExcluded: warning('Accepted', 'A tenant member covers addresses of pods, which belong by selectors only.'),
  PoolExhausted: error('Accepted', 'The service pool has no free address left.'),
  ReferenceNotAccepted: error('ResolvedRefs', 'A named object exists, but is itself not accepted.'),
  SecretUnusable: error('Accepted', 'The file of a fabric secret is missing or too short.'),
  ShadowedPorts: warning('Accepted', 'Some ports of a service belong to another service at the same address.'),
  TargetFamilyMismatch: error('Accepted', 'A target is of a family in which the service has no address.'),
  TenantOverlap: error('Accepted', 'Two unrelated tenants claim one source; neither gets it.'),
  UnknownCoreService: error(
    'ResolvedRefs',
    'A service route names a core Service that does not exist in its namespace.',
  ),
  UnknownKind: error('Accepted', 'A document is of a kind that Quiver does not have.'),
  UnknownPeer: error('ResolvedRefs', 'A service route names a peer that does not exist.'),
  UnknownPort: error('ResolvedRefs', 'A service route names a port that the core Service does not have.'),
  UnknownService: error('ResolvedRefs', 'A service route names a service that does not exist in its namespace.'),
  UnknownTenant: error('ResolvedRefs', 'An access entry names a tenant that does not exist.'),
  UnknownWaypoint: error('ResolvedRefs', 'A peer path begins at an address that is no waypoint of this router.'),
  UnusableCoreService: error('ResolvedRefs', 'A service route names a core Service that has no endpoints of its own.'),
  WaypointConflict: error('Accepted', 'Two nodes claim one waypoint address.'),
} as const satisfies Record<string, ProblemKind>;

export type ProblemReason = keyof typeof problemReasons;

/** A place in a file; lines count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

/** A user's mistake: it becomes a condition of its object and stops nothing else. */
export interface Problem {
  readonly code: ProblemReason;
  readonly object: ObjectRef;
  /** Path of the field, e.g. `spec.access[0].tenant`; empty for the whole object. */
  readonly field: string;
  /** What is wrong and the way out. */
  readonly message: string;
  readonly location?: Location;
}

/** A value, and what went wrong while it was made. */
export interface Outcome<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

export function isWarning(problem: Problem): boolean {
  return problemReasons[problem.code].severity === 'Warning';
}

/** `file:line: Kind ns/name: field: message (Reason)`, the line that standalone mode prints. */
export function formatProblem(problem: Problem): string {
  const place = problem.location === undefined ? '' : `${problem.location.file}:${problem.location.line}: `;
  const subject = problem.object.kind === 'File' ? '' : `${describeRef(problem.object)}: `;
  const field = problem.field === '' ? '' : `${problem.field}: `;
  return `${place}${subject}${field}${problem.message} (${problem.code})`;
}

/** Canonical order, each problem once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const keyed = new Map(problems.map((problem) => [problemKey(problem), problem]));
  return [...keyed].sort(([one], [other]) => byText(one, other)).map(([, problem]) => problem);
}

function problemKey({ object, field, code, message }: Problem): string {
  return [object.kind, qualifiedName(object), field, code, message].join('\u0000');
}

function error<C extends ProblemKind['condition']>(condition: C, meaning: string) {
  return { condition, severity: 'Error', meaning } as const;
}

function warning<C extends ProblemKind['condition']>(condition: C, meaning: string) {
  return { condition, severity: 'Warning', meaning } as const;
}
