import type { Tenant } from '../api/generated/tenant.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { TenantIr, TenantMemberIr } from '../ir/fabric-ir.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix, subtract } from '../ir/prefix.ts';
import { problemsOf } from './input.ts';
import { listed } from './listed.ts';
import type { Outcome, Problem } from './problem.ts';
import { isWithin } from './tenant-name.ts';
import { tenantMemberUnsupported } from './unsupported.ts';

interface Claim {
  readonly tenant: Tenant;
  readonly field: string;
  readonly prefix: Prefix;
  readonly interface: string;
}

/** What tenants need to know of their surroundings. */
export interface TenantContext {
  /** Prefixes of the cluster's pods. */
  readonly podPrefixes: readonly Prefix[];
  /** There is a cluster, so that selectors can be followed. */
  readonly hasPods: boolean;
}

/**
 * Tenants with the addresses that belong to them; pods come later. A member that cannot be used is left out; the tenant stays
 * known.
 */
export function translateTenants(tenants: readonly Tenant[], context: TenantContext): Outcome<readonly TenantIr[]> {
  const read = tenants.map((tenant) => readClaims(tenant, context));
  const judged = judge(read.flatMap(({ value }) => value));
  const settled = Map.groupBy(
    judged.filter(({ rivals }) => rivals.length === 0),
    ({ claim }) => claim.tenant,
  );
  const value = sortedBy(tenants, nameOf).map((tenant) => ({
    name: nameOf(tenant),
    members: membersOf(settled.get(tenant) ?? []),
  }));
  const contested = judged.flatMap(({ claim, rivals }) => overlapProblems(claim, rivals));
  return { value, problems: [...read.flatMap(({ problems }) => problems), ...contested] };
}

function readClaims(tenant: Tenant, { podPrefixes, hasPods }: TenantContext): Outcome<readonly Claim[]> {
  const problem = problemsOf(tenant);
  const problems: Problem[] = [];
  const value: Claim[] = [];
  (tenant.spec.members ?? []).forEach((member, index) => {
    const field = `spec.members[${index}]`;
    if (!hasPods) problems.push(...tenantMemberUnsupported(tenant, member, field));
    (member.cidrs ?? []).forEach((text, position) => {
      const prefix = parsePrefix(text);
      const place = `${field}.cidrs[${position}]`;
      if (prefix === undefined)
        problems.push(problem('InvalidObject', place, `"${text}" is no prefix; write one like 10.1.0.0/24`));
      else {
        const read = withoutPods({ tenant, field: place, prefix, interface: member.interface ?? '' }, podPrefixes);
        value.push(...read.value);
        problems.push(...read.problems);
      }
    });
  });
  return { value, problems };
}

// A pod belongs by selectors alone: a prefix that happens to hold its address would admit what nobody selected. What comes in
// by a named interface is meant as it stands.
function withoutPods(claim: Claim, podPrefixes: readonly Prefix[]): Outcome<readonly Claim[]> {
  if (claim.interface !== '') return { value: [claim], problems: [] };
  const met = podPrefixes.filter((pods) => overlaps(pods, claim.prefix)).map(formatPrefix);
  if (met.length === 0) return { value: [claim], problems: [] };
  const value = subtract(claim.prefix, podPrefixes).map((prefix) => ({ ...claim, prefix }));
  const shown = formatPrefix(claim.prefix);
  const problem = problemsOf(claim.tenant);
  const found =
    value.length === 0
      ? problem('NoSources', claim.field, `${shown} holds pods of this cluster only; select them by their labels`)
      : problem(
          'PodsExcluded',
          claim.field,
          `${shown} counts without the pods in ${listed(met)}; select them by labels`,
        );
  return { value, problems: [found] };
}

interface Judged {
  readonly claim: Claim;
  readonly rivals: readonly Claim[];
}

// An equal source in a parent and its child belongs to the child, which may use whatever the parent may.
function judge(claims: readonly Claim[]): readonly Judged[] {
  const bySource = Map.groupBy(claims, ({ prefix, interface: name }) => `${formatPrefix(prefix)} ${name}`);
  return [...bySource.values()].flatMap((same) =>
    same.map((claim) => ({
      claim,
      rivals: same.filter((other) => !isWithin(nameOf(claim.tenant), nameOf(other.tenant))),
    })),
  );
}

function overlapProblems(claim: Claim, rivals: readonly Claim[]): readonly Problem[] {
  const unrelated = sortedBy(rivals, ({ tenant }) => nameOf(tenant)).find(
    ({ tenant }) => !isWithin(nameOf(tenant), nameOf(claim.tenant)),
  );
  if (unrelated === undefined) return [];
  const rival = `Tenant ${nameOf(unrelated.tenant)}`;
  const message = `${formatPrefix(claim.prefix)} is also a member of ${rival}, so neither gets it; leave it in one of them`;
  return [problemsOf(claim.tenant)('TenantOverlap', claim.field, message)];
}

function membersOf(judged: readonly Judged[]): readonly TenantMemberIr[] {
  const members = judged.map(({ claim }) => ({ cidr: formatPrefix(claim.prefix), interface: claim.interface }));
  const unique = new Map(members.map((member) => [`${member.cidr} ${member.interface}`, member]));
  return sortedBy(unique, ([key]) => key).map(([, member]) => member);
}

function nameOf(tenant: Tenant): string {
  return tenant.metadata.name;
}
