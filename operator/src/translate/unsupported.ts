import type { Peer } from '../api/generated/peer.gen.ts';
import type { SvrService as Service } from '../api/generated/service.gen.ts';
import type { ServiceRoute } from '../api/generated/serviceroute.gen.ts';
import type { Tenant, TenantSpecMember as TenantMember } from '../api/generated/tenant.gen.ts';
import { problemsOf } from './input.ts';
import type { Problem } from './problem.ts';

interface Unsupported<T> {
  readonly field: string;
  readonly isUsed: (spec: T) => boolean;
  readonly message: string;
}

const service: readonly Unsupported<Service['spec']>[] = [
  used('path.sla', (spec) => spec.path.sla !== undefined, 'paths are not measured yet; remove sla'),
  used(
    'path.criterion',
    (spec) => spec.path.criterion !== 'Cost',
    'paths are chosen by cost only; set Cost or remove it',
  ),
  used(
    'path.resiliency',
    (spec) => spec.path.resiliency !== 'None',
    'a session stays on its path yet; set None or remove it',
  ),
  used('qos', (spec) => spec.qos !== undefined, 'sessions have no classes and no rates yet; remove qos'),
  used(
    'export',
    (spec) => spec.export,
    'routers do not exchange services yet; remove export and write a ServiceRoute at the other router',
  ),
];

const standaloneRoute: readonly Unsupported<ServiceRoute['spec']>[] = [
  used(
    'endpoints',
    (spec) => spec.endpoints !== undefined,
    'there are no core Services in standalone mode; use targets',
  ),
];

const serviceRoute: readonly Unsupported<ServiceRoute['spec']>[] = [
  used('health.probe', (spec) => spec.health?.probe === 'ICMP', 'targets are probed by TCP or HTTP; set one of them'),
  used(
    'capacity.sessionRate',
    (spec) => spec.capacity?.sessionRate !== undefined,
    'the rate of new sessions is not limited yet; remove it',
  ),
  used(
    'capacity.highWater',
    (spec) => spec.capacity?.highWater !== undefined,
    'watermarks are not kept yet; use maxSessions alone',
  ),
  used(
    'capacity.lowWater',
    (spec) => spec.capacity?.lowWater !== undefined,
    'watermarks are not kept yet; use maxSessions alone',
  ),
];

const peer: readonly Unsupported<Peer['spec']>[] = [
  used(
    'connectivity',
    (spec) => spec.connectivity !== 'Bidirectional',
    'both ends must reach each other yet; set Bidirectional or remove it',
  ),
  used(
    'transport',
    (spec) => spec.transport === 'SinglePort',
    'sessions have ports of their own yet; set Auto, Native or UDP',
  ),
  used('liveness', (spec) => spec.liveness !== undefined, 'paths are not probed yet; remove liveness'),
];

const tenantMember: readonly Unsupported<TenantMember>[] = [
  used(
    'namespaceSelector',
    (member) => member.namespaceSelector !== undefined,
    'there are no pods in standalone mode; use cidrs',
  ),
  used('podSelector', (member) => member.podSelector !== undefined, 'there are no pods in standalone mode; use cidrs'),
  used(
    'serviceAccounts',
    (member) => member.serviceAccounts !== undefined,
    'there are no pods in standalone mode; use cidrs',
  ),
];

/** What a service asks for that is not implemented. Ignoring it would promise what is not kept, so the object is refused. */
export function serviceUnsupported(object: Service): readonly Problem[] {
  return findUsed(object, object.spec, service, 'spec');
}

/** Endpoints are known in a cluster only. */
export function serviceRouteUnsupported(object: ServiceRoute, isInCluster = false): readonly Problem[] {
  const rules = isInCluster ? serviceRoute : [...standaloneRoute, ...serviceRoute];
  return findUsed(object, object.spec, rules, 'spec');
}

export function peerUnsupported(object: Peer): readonly Problem[] {
  return findUsed(object, object.spec, peer, 'spec');
}

/** What one member asks for that only a cluster has; the other members stay. */
export function tenantMemberUnsupported(object: Tenant, member: TenantMember, field: string): readonly Problem[] {
  return findUsed(object, member, tenantMember, field);
}

function findUsed<T>(
  object: Tenant | Service | ServiceRoute | Peer,
  spec: T,
  rules: readonly Unsupported<T>[],
  parent: string,
): readonly Problem[] {
  const problem = problemsOf(object);
  return rules
    .filter(({ isUsed }) => isUsed(spec))
    .map(({ field, message }) => problem('NotSupported', `${parent}.${field}`, `is not supported yet: ${message}`));
}

function used<T>(field: string, isUsed: (spec: T) => boolean, message: string): Unsupported<T> {
  return { field, isUsed, message };
}
