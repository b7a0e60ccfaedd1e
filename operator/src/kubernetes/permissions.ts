import { QuiverError } from '../errors.ts';
import { type ResourceType, resourceTypes } from './resource-type.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One right of the operator, as a rule of RBAC has it. */
export interface Permission {
  readonly group: string;
  /** With its subresource: `services/status`. */
  readonly resource: string;
  readonly verbs: readonly Verb[];
  /** In all namespaces and for what has none, or in the namespace of the release alone. */
  readonly scope: 'Cluster' | 'ReleaseNamespace';
  /** The only object that it is about; `create` cannot be bound to a name and has an entry of its own. */
  readonly only?: 'Authority' | undefined;
  /** Needed when this setting is on, and only then. */
  readonly feature?: 'NodeTaint' | undefined;
}

const { tenant, service, serviceRoute, peer } = resourceTypes;
const reading: readonly Verb[] = ['list', 'watch'];

/** Every call that the operator makes: the client refuses any other, and the chart grants these and no more. */
export const permissions: readonly Permission[] = [
  ...[tenant, service, serviceRoute, peer].flatMap((type) => [
    cluster(type, reading),
    { ...cluster(type, ['patch']), resource: `${type.plural}/status` },
  ]),
  cluster(resourceTypes.namespace, reading),
  cluster(resourceTypes.pod, reading),
  cluster(resourceTypes.node, reading),
  { ...cluster(resourceTypes.node, ['patch']), feature: 'NodeTaint' },
  // An apply that makes the object needs `create` beside `patch`.
  cluster(resourceTypes.coreService, [...reading, 'create', 'patch', 'delete']),
  cluster(resourceTypes.endpointSlice, [...reading, 'create', 'patch', 'delete']),
  cluster(resourceTypes.event, ['create', 'patch']),
  cluster(resourceTypes.tokenReview, ['create']),
  { ...cluster(resourceTypes.lease, ['get', 'create', 'update', 'delete']), scope: 'ReleaseNamespace' },
  { ...cluster(resourceTypes.secret, ['get', 'update']), scope: 'ReleaseNamespace', only: 'Authority' },
  { ...cluster(resourceTypes.configMap, ['get', 'update']), scope: 'ReleaseNamespace', only: 'Authority' },
];

/** A call as the rules of RBAC see it. */
export interface PermittedCall {
  readonly verb: Verb;
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The entry that allows a call; undefined when there is none. */
export function permissionFor(call: PermittedCall, releaseNamespace: string): Permission | undefined {
  const { verb, type, namespace, subresource } = call;
  const resource = subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
  return permissions.find(
    (one) =>
      one.group === type.group &&
      one.resource === resource &&
      one.verbs.includes(verb) &&
      (one.scope === 'Cluster' || namespace === releaseNamespace),
  );
}

/** Throws when nothing in the list allows the call: the chart would not grant it either. */
export function assertPermitted(call: PermittedCall, releaseNamespace: string): void {
  if (permissionFor(call, releaseNamespace) !== undefined) return;
  const { verb, type, namespace, subresource } = call;
  const what = [type.plural, subresource].filter((part) => part !== undefined).join('/');
  const where = namespace === undefined ? 'in the cluster' : `in namespace ${namespace}`;
  throw new QuiverError(
    'InvariantBroken',
    `${verb} ${what} of group "${type.group}" ${where} is no declared permission`,
  );
}

function cluster(type: ResourceType, verbs: readonly Verb[]): Permission {
  return { group: type.group, resource: type.plural, verbs, scope: 'Cluster' };
}
