import type { SvrService as Service } from '../api/generated/service.gen.ts';
import type { PortRuleIr } from '../ir/fabric-ir.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../ir/prefix.ts';
import { PrefixIndex } from '../ir/prefix-index.ts';
import { bySeniority } from './addresses.ts';
import { fullName, problemsOf } from './input.ts';
import type { Outcome, Problem } from './problem.ts';
import type { UnroutedService } from './services.ts';

interface Claim {
  readonly service: Service;
  readonly prefix: Prefix;
  /** The prefix as text, which is equal for equal prefixes. */
  readonly address: string;
  readonly rule: PortRuleIr | undefined;
}

/** Takes an address from every service that claims it with ports of an older one, and tells which ports are shadowed. */
export function settleAddressConflicts(
  unrouted: readonly UnroutedService[],
  services: readonly Service[],
): Outcome<readonly UnroutedService[]> {
  const byName = new Map(unrouted.map((one) => [one.name, one]));
  const kept = new PrefixIndex<Claim>();
  const refused = new Map<string, ReadonlySet<string>>();
  const problems: Problem[] = [];
  for (const service of bySeniority(services)) {
    const own = claimsOf(service, byName.get(fullName(service)));
    const lost = own.flatMap((claim) => duplicatesOf(claim, kept.at(claim.prefix)));
    const lostAddresses = new Set(lost.map(({ claim }) => claim.address));
    problems.push(...lost.map(({ claim, rival }) => duplicateProblem(claim, rival)));
    for (const claim of own) if (!lostAddresses.has(claim.address)) kept.add(claim.prefix, claim);
    refused.set(fullName(service), lostAddresses);
  }
  // One that lost nothing stays the same object, so that what is made of it stays, too.
  const value = unrouted.map((one) => {
    const lost = refused.get(one.name);
    return lost === undefined || lost.size === 0 ? one : { ...one, addresses: without(one.addresses, lost) };
  });
  const shadowed = [...kept].flatMap((claim) => shadowProblems(claim, kept));
  return { value, problems: [...problems, ...shadowed] };
}

function claimsOf(service: Service, unrouted: UnroutedService | undefined): readonly Claim[] {
  if (unrouted === undefined) return [];
  const rules = unrouted.ports.length === 0 ? [undefined] : unrouted.ports;
  return unrouted.addresses.flatMap((address) => {
    const prefix = parsePrefix(address);
    return prefix === undefined ? [] : rules.map((rule) => ({ service, prefix, address, rule }));
  });
}

function duplicatesOf(claim: Claim, samePlace: readonly Claim[]): readonly { claim: Claim; rival: Claim }[] {
  const rival = samePlace.find((other) => rank(claim) === rank(other) && meet(claim.rule, other.rule));
  return rival === undefined ? [] : [{ claim, rival }];
}

function duplicateProblem({ service, address, rule }: Claim, rival: Claim): Problem {
  const index = (service.spec.addresses ?? []).findIndex((text) => canonical(text) === address);
  const owner = `Service ${fullName(rival.service)}`;
  const message = `${describe(rule)} at ${address} belongs to ${owner} (${describe(rival.rule)}); choose another address or other ports`;
  return problemsOf(service)('DuplicateAddress', `spec.addresses[${Math.max(index, 0)}]`, message);
}

// Service matching: a rule with a port goes before a rule without one, whatever the lengths of the prefixes.
function shadowProblems(claim: Claim, kept: PrefixIndex<Claim>): readonly Problem[] {
  const rival = kept
    .around(claim.prefix)
    .find((other) => other.service !== claim.service && rank(other) > rank(claim) && meet(claim.rule, other.rule));
  if (rival === undefined) return [];
  const owner = `Service ${fullName(rival.service)}`;
  const message = `${describe(rival.rule)} at ${claim.address} goes to ${owner}, because a rule that names its port is matched first; name the ports of this service`;
  return [problemsOf(claim.service)('ShadowedPorts', 'spec.ports', message)];
}

/** How early a rule is matched: with a port, with a protocol, with neither. */
function rank({ rule }: Claim): number {
  if (rule === undefined) return 0;
  return rule.last === 0 ? 1 : 2;
}

function meet(one: PortRuleIr | undefined, other: PortRuleIr | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  if (one.protocol !== other.protocol) return false;
  return one.last === 0 || other.last === 0 || (one.first <= other.last && other.first <= one.last);
}

const protocolNames: Readonly<Record<number, string>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP' };

function describe(rule: PortRuleIr | undefined): string {
  if (rule === undefined) return 'every port';
  const protocol = protocolNames[rule.protocol] ?? `IP protocol ${rule.protocol}`;
  if (rule.last === 0) return protocol;
  return rule.first === rule.last ? `${protocol} ${rule.first}` : `${protocol} ${rule.first}-${rule.last}`;
}

function canonical(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return prefix === undefined ? undefined : formatPrefix(prefix);
}

function without(items: readonly string[], dropped: ReadonlySet<string>): readonly string[] {
  return items.filter((item) => !dropped.has(item));
}
