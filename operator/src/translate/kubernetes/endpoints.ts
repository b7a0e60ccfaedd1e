import type { SvrService as Service } from '../../api/generated/service.gen.ts';
import type { ServiceRoute } from '../../api/generated/serviceroute.gen.ts';
import type { CoreService, CoreServicePort, Endpoint } from '../../api/kubernetes-objects.ts';
import { sortedBy } from '../../ir/canonical.ts';
import type { PortRuleIr, RouteTargetIr } from '../../ir/fabric-ir.ts';
import { type Family, formatAddress, hostPrefix, parseAddress } from '../../ir/prefix.ts';
import { problemsOf } from '../input.ts';
import { listed } from '../listed.ts';
import type { Outcome, Problem } from '../problem.ts';
import type { ReservedAddresses } from '../reserved.ts';
import type { CoreServices } from './core-services.ts';

/** What endpoints need to know of their surroundings. */
export interface EndpointContext {
  readonly coreServices: CoreServices;
  /** Ports of the service; none when the service is not accepted. */
  readonly ports: readonly PortRuleIr[];
  /** What the service says about the source that its servers see. */
  readonly source: Service['spec']['sourceAddress'] | undefined;
  /** Families in which the service has an address and the return pool a prefix. */
  readonly families: ReadonlySet<Family>;
  /** Addresses that no server can have. */
  readonly reserved: ReservedAddresses;
}

/** The endpoints that a route leads to; undefined when it names none that could be followed. */
export function translateEndpoints(
  route: ServiceRoute,
  context: EndpointContext,
): Outcome<readonly RouteTargetIr[] | undefined> {
  const { endpoints: wanted, service } = route.spec;
  if (wanted === undefined) return { value: undefined, problems: [] };
  const problem = problemsOf(route);
  const name = `${route.metadata.namespace ?? 'default'}/${wanted.service}`;
  const core = context.coreServices.get(name);
  if (core === undefined) {
    const message = `there is no core Service ${name}; create it or correct the name`;
    return { value: undefined, problems: [problem('UnknownCoreService', 'spec.endpoints.service', message)] };
  }
  const unusable = unusableReason(core);
  if (unusable !== undefined)
    return { value: undefined, problems: [problem('UnusableCoreService', 'spec.endpoints.service', unusable)] };
  const port = portOf(core, wanted.port, context.ports);
  if (port === undefined) {
    const message = `core Service ${name} has no port ${wanted.port}; its ports are ${listed(core.ports.map(showPort), 8)}`;
    return { value: undefined, problems: [problem('UnknownPort', 'spec.endpoints.port', message)] };
  }
  if (context.source === 'Preserve') {
    const message = `is not supported yet with sourceAddress Preserve of Service ${service}: replies of a pod to the client's own address do not come back here; set Auto or Hide there`;
    return { value: undefined, problems: [problem('NotSupported', 'spec.endpoints', message)] };
  }
  return targetsOf(route, name, port, context);
}

function unusableReason({ namespace, name, type, isOwned }: CoreService): string | undefined {
  if (type === 'ExternalName')
    return `core Service ${namespace}/${name} is of type ExternalName and has no endpoints; use targets with the addresses`;
  if (isOwned)
    return `core Service ${namespace}/${name} is the name of the Quiver Service itself; name the one that selects the pods`;
  return undefined;
}

const protocolNumbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;

// One number can stand for several protocols; the one that the service has is meant.
function portOf(core: CoreService, wanted: number | string, rules: readonly PortRuleIr[]): CoreServicePort | undefined {
  const named = core.ports.filter(({ name, port }) => (typeof wanted === 'number' ? port === wanted : name === wanted));
  const sorted = sortedBy(named, ({ protocol }) => String(protocolNumbers[protocol]).padStart(3, '0'));
  const fitting = sorted.find((port) => rules.some(({ protocol }) => protocol === protocolNumbers[port.protocol]));
  return fitting ?? sorted[0];
}

function showPort({ name, port, protocol }: CoreServicePort): string {
  return name === '' ? `${port}/${protocol}` : `${name} (${port}/${protocol})`;
}

interface Found {
  readonly endpoint: Endpoint;
  readonly family: Family;
  readonly address: string;
  /** 0 = the one that the client dialled. */
  readonly port: number;
}

function targetsOf(
  route: ServiceRoute,
  name: string,
  port: CoreServicePort,
  context: EndpointContext,
): Outcome<readonly RouteTargetIr[]> {
  const found = findEndpoints(name, port, context);
  const usable = found.filter(({ family }) => context.families.has(family));
  const conflicts = usable.flatMap((one) => conflictOf(one, name, context.reserved));
  const refused = new Set(conflicts.map(({ address }) => address));
  const value = distinct(usable.filter(({ address }) => !refused.has(address)));
  const problem = problemsOf(route);
  const problems: Problem[] = conflicts.map(({ message }) => problem('AddressReserved', 'spec.endpoints', message));
  if (found.length > 0 && usable.length === 0) problems.push(familyProblem(route, found, context));
  else if (!value.some(takesSessions)) {
    const [namespace, service] = name.split('/');
    const message = `core Service ${name} has no endpoint that takes new sessions; see kubectl -n ${namespace} get endpointslices -l kubernetes.io/service-name=${service}`;
    problems.push(problem('NoReadyEndpoints', 'spec.endpoints', message));
  }
  return { value, problems };
}

/** Whether a target gets new sessions. */
export function takesSessions({ isDraining }: RouteTargetIr): boolean {
  return !isDraining;
}

function findEndpoints(name: string, port: CoreServicePort, context: EndpointContext): readonly Found[] {
  const isKept = keepsPort(context.ports);
  return context.coreServices.slicesOf(name).flatMap((slice) => {
    const open = slice.ports.find((one) => one.name === port.name && one.protocol === port.protocol);
    if (open === undefined) return [];
    return slice.endpoints.flatMap((endpoint): readonly Found[] => {
      const address = parseAddress(endpoint.address);
      if (address === undefined) return [];
      const shown = formatAddress(address);
      return [{ endpoint, family: address.family, address: shown, port: isKept ? 0 : open.port }];
    });
  });
}

// A range cannot be mapped to one port, so what the client dialled is kept.
function keepsPort(rules: readonly PortRuleIr[]): boolean {
  const withPorts = rules.filter(
    ({ protocol }) => protocol === protocolNumbers.TCP || protocol === protocolNumbers.UDP,
  );
  return rules.length === 0 || withPorts.some(({ first, last }) => first !== last || last === 0);
}

function conflictOf(
  { address }: Found,
  name: string,
  reserved: ReservedAddresses,
): readonly { readonly address: string; readonly message: string }[] {
  const parsed = parseAddress(address);
  const conflict = parsed === undefined ? undefined : reserved.meeting(hostPrefix(parsed));
  if (conflict === undefined) return [];
  return [{ address, message: `endpoint ${address} of ${name} meets ${conflict.what}; no server can have it` }];
}

// One that is not ready keeps its sessions until it is gone, as with any other Service of the cluster. During a change an
// endpoint is in two slices for a moment.
function distinct(found: readonly Found[]): readonly RouteTargetIr[] {
  const targets = new Map<string, RouteTargetIr>();
  for (const { endpoint, address, port } of found) {
    const key = `${address} ${port}`;
    const isDraining = !endpoint.isReady || endpoint.isTerminating;
    const known = targets.get(key);
    const target = { address, port, weight: 1, source: 'ReturnPool', node: endpoint.node, isDraining } as const;
    if (known === undefined || isBetter(target, known)) targets.set(key, target);
  }
  return sortedBy(targets, ([key]) => key).map(([, target]) => target);
}

function isBetter(one: RouteTargetIr, other: RouteTargetIr): boolean {
  if (one.isDraining !== other.isDraining) return other.isDraining;
  return one.node > other.node;
}

function familyProblem(route: ServiceRoute, found: readonly Found[], { families }: EndpointContext): Problem {
  const has = showFamilies(new Set(found.map(({ family }) => family)));
  const can = families.size === 0 ? 'none' : showFamilies(families);
  const message = `the endpoints have ${has} addresses, and Service ${route.spec.service} with the return pool ${can}; give the service an address of their family`;
  return problemsOf(route)('TargetFamilyMismatch', 'spec.endpoints', message);
}

function showFamilies(families: ReadonlySet<Family>): string {
  const shown = ([4, 6] as const).filter((family) => families.has(family));
  return shown.map((family) => `IPv${family}`).join(' and ');
}
