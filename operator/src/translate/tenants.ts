import type { Tenant } from '../api/generated/tenant.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { TenantIr, TenantMemberIr } from '../ir/fabric-ir.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../ir/prefix.ts';
import { problemsOf } from './input.ts';
import type { Outcome, Problem } from './problem.ts';
import { tenantMemberUnsupported } from './unsupported.ts';

interface Claim {
  readonly tenant: Tenant;
  readonly field: string;
  readonly prefix: Prefix;
  readonly interface: string;
}

/** Tenants with the sources that belong to them. A member that cannot be used is left out; the tenant stays known. */
export function translateTenants(tenants: readonly Tenant[]): Outcome<readonly TenantIr[]> {
  const read = tenants.map(readClaims);
  const judged = judge(read.flatMap(({ value }) => value));
  const value = sortedBy(tenants, nameOf).map((tenant) => ({
    name: nameOf(tenant),
    members: membersOf(judged.filter(({ claim, rivals }) => claim.tenant === tenant && rivals.length === 0)),
  }));
  const overlaps = judged.flatMap(({ claim, rivals }) => overlapProblems(claim, rivals));
  return { value, problems: [...read.flatMap(({ problems }) => problems), ...overlaps] };
}

/** Whether `name` is `other` or one of its children: a child may use what its parent may. */
export function isWithin(name: string, other: string): boolean {
  return name === other || name.endsWith(`.${other}`);
}

function readClaims(tenant: Tenant): Outcome<readonly Claim[]> {
  const problem = problemsOf(tenant);
  const problems: Problem[] = [];
  const value: Claim[] = [];
  (tenant.spec.members ?? []).forEach((member, index) => {
    const field = `spec.members[${index}]`;
    problems.push(...tenantMemberUnsupported(tenant, member, field));
    (member.cidrs ?? []).forEach((text, position) => {
      const prefix = parsePrefix(text);
      const place = `${field}.cidrs[${position}]`;
      if (prefix === undefined)
        problems.push(problem('InvalidObject', place, `"${text}" is no prefix; write one like 10.1.0.0/24`));
      else value.push({ tenant, field: place, prefix, interface: member.interface ?? '' });
    });
  });
  return { value, problems };
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
