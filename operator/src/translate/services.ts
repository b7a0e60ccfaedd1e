import type { SvrService as Service, ServiceSpecPort as ServicePort } from '../api/generated/service.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { AccessRuleIr, PortRuleIr, ServiceIr } from '../ir/fabric-ir.ts';
import { formatPrefix, type Prefix } from '../ir/prefix.ts';
import { parseSeconds } from './duration.ts';
import { fullName, problemsOf } from './input.ts';
import type { Memory } from './memory.ts';
import type { Outcome, Problem } from './problem.ts';

/** What a service needs to know of its surroundings. */
export interface ServiceContext {
  readonly addresses: ReadonlyMap<string, readonly Prefix[]>;
  /** Names that an access entry can have: those of tenants and of their parents. */
  readonly tenants: ReadonlySet<string>;
  readonly memory: Memory;
}

/** A service before its routes are known. */
export type UnroutedService = Omit<ServiceIr, 'routes'>;

/** Services with their addresses, ports and access. An access entry that names nobody is left out, unless it denies. */
export function translateServices(
  services: readonly Service[],
  context: ServiceContext,
): Outcome<readonly UnroutedService[]> {
  const { memory, tenants, addresses } = context;
  const results = sortedBy(services, fullName).map((service) => {
    const own = addresses.get(fullName(service)) ?? [];
    const parts = [tenants, ...own.flatMap(({ family, base, length }) => [family, base, length])];
    return memory.recall(service, 'service', parts, () => translateService(service, context));
  });
  return { value: results.flatMap(({ value }) => value), problems: results.flatMap(({ problems }) => problems) };
}

// Without one of its port rules a service could be wider than meant, so a bad rule refuses the whole service.
function translateService(service: Service, context: ServiceContext): Outcome<readonly UnroutedService[]> {
  const ports = translatePorts(service);
  const access = translateAccess(service, context.tenants);
  const problems = [...ports.problems, ...access.problems];
  if (ports.problems.length > 0) return { value: [], problems };
  const addresses = (context.addresses.get(fullName(service)) ?? []).map(formatPrefix);
  return { value: [{ ...settingsOf(service), addresses, ports: ports.value, access: access.value }], problems };
}

function settingsOf(service: Service): Omit<UnroutedService, 'addresses' | 'ports' | 'access'> {
  const { scope, security, sessions, path } = service.spec;
  return {
    name: fullName(service),
    scope,
    encryption: security.encryption,
    integrity: security.integrity,
    idleTimeoutSeconds: parseSeconds(sessions?.idleTimeout ?? '0s') ?? 0,
    spread: path.spread,
  };
}

function translatePorts(service: Service): Outcome<readonly PortRuleIr[]> {
  const problem = problemsOf(service);
  const problems: Problem[] = [];
  const value: PortRuleIr[] = [];
  (service.spec.ports ?? []).forEach((rule, index) => {
    const mistake = portMistake(rule);
    if (mistake === undefined) value.push(readPort(rule));
    else problems.push(problem('InvalidObject', `spec.ports[${index}].${mistake.field}`, mistake.message));
  });
  return { value: sortPorts(value), problems };
}

function portMistake({ protocol, port, endPort, number }: ServicePort): { field: string; message: string } | undefined {
  if (protocol === 'IP' && number === undefined)
    return { field: 'number', message: 'protocol IP needs the number of the protocol' };
  if ((protocol === 'ICMP' || protocol === 'IP') && port !== undefined) {
    return { field: 'port', message: `${protocol} has no ports; remove port` };
  }
  if (endPort === undefined) return undefined;
  if (port === undefined) return { field: 'endPort', message: 'a range needs its first port as well; add port' };
  if (endPort >= port) return undefined;
  return { field: 'endPort', message: `the range ends at ${endPort} before it begins at ${port}; exchange them` };
}

const protocolNumbers = { ICMP: 1, TCP: 6, UDP: 17 } as const;

function readPort({ protocol, number = 0, port = 0, endPort = port }: ServicePort): PortRuleIr {
  return { protocol: protocol === 'IP' ? number : protocolNumbers[protocol], first: port, last: endPort };
}

function sortPorts(rules: readonly PortRuleIr[]): readonly PortRuleIr[] {
  const key = ({ protocol, first, last }: PortRuleIr) => [protocol, first, last].map(padded).join(' ');
  const unique = new Map(rules.map((rule) => [key(rule), rule]));
  return sortedBy(unique, ([text]) => text).map(([, rule]) => rule);
}

function padded(port: number): string {
  return String(port).padStart(5, '0');
}

function translateAccess(service: Service, tenants: ReadonlySet<string>): Outcome<readonly AccessRuleIr[]> {
  const problem = problemsOf(service);
  const problems: Problem[] = [];
  const value: AccessRuleIr[] = [];
  (service.spec.access ?? []).forEach(({ tenant, action }, index) => {
    const isKnown = tenants.has(tenant);
    if (!isKnown) problems.push(problem('UnknownTenant', `spec.access[${index}].tenant`, unknownTenant(tenant)));
    if (isKnown || action === 'Deny') value.push({ tenant, action });
  });
  return { value: sortedBy(value, (rule) => `${rule.tenant} ${rule.action}`), problems };
}

function unknownTenant(tenant: string): string {
  return `there is no Tenant ${tenant}; create it (without members where its sources are at another router) or remove the entry`;
}
