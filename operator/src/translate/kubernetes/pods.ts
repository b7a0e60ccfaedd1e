import type { Tenant } from '../../api/generated/tenant.gen.ts';
import type { KubernetesObjects, KubernetesPod } from '../../api/kubernetes-objects.ts';
import { sortedBy } from '../../ir/canonical.ts';
import type { PodIr } from '../../ir/fabric-ir.ts';
import { problemsOf } from '../input.ts';
import { listed } from '../listed.ts';
import type { Outcome, Problem } from '../problem.ts';
import { isWithin } from '../tenant-name.ts';
import { Membership } from './membership.ts';

/** A tenant of a pod, or the two unrelated ones that both claim it. */
interface Verdict {
  readonly tenant: string;
  readonly rivals: readonly (readonly [string, string])[];
}

/**
 * Every pod on a node with its tenant: the child where a child and its parent name it, none where unrelated tenants do. Pods
 * on the host's network share the node's address and belong to no tenant, finished ones have given theirs back: neither is here.
 */
export function translatePods(
  tenants: readonly Tenant[],
  { pods, namespaces }: KubernetesObjects,
): Outcome<readonly PodIr[]> {
  const membership = new Membership(tenants, namespaces);
  const verdicts = new Map<string, Verdict>();
  const contested = new Map<string, { readonly pair: readonly [string, string]; readonly pods: string[] }>();
  const value = sortedBy(pods.filter(hasOwnNetwork), ({ uid }) => uid).map((pod) => {
    const claimants = membership.tenantsOf(pod);
    const key = claimants.join(' ');
    const verdict = verdicts.get(key) ?? judge(claimants);
    verdicts.set(key, verdict);
    for (const pair of verdict.rivals) {
      const entry = contested.get(pair.join(' ')) ?? { pair, pods: [] };
      contested.set(pair.join(' '), entry);
      entry.pods.push(`${pod.namespace}/${pod.name}`);
    }
    return podIr(pod, verdict.tenant);
  });
  const byName = new Map(tenants.map((tenant) => [tenant.metadata.name, tenant]));
  const problems = [...contested.values()].flatMap(({ pair, pods: names }) => {
    const [one, other] = pair;
    const shown = names.sort();
    return [overlapProblem(byName.get(one), other, shown), overlapProblem(byName.get(other), one, shown)].flat();
  });
  return { value, problems };
}

function hasOwnNetwork({ node, isHostNetwork, isFinished }: KubernetesPod): boolean {
  return node !== '' && !isHostNetwork && !isFinished;
}

function judge(claimants: readonly string[]): Verdict {
  const leaves = claimants.filter((name) => !claimants.some((other) => other !== name && isWithin(other, name)));
  const [first = '', ...rest] = leaves;
  if (rest.length === 0) return { tenant: first, rivals: [] };
  const rivals = leaves.flatMap((one, index) => leaves.slice(index + 1).map((other) => [one, other] as const));
  return { tenant: '', rivals };
}

function podIr({ uid, namespace, name, node, addresses }: KubernetesPod, tenant: string): PodIr {
  return { uid, namespace, name, node, tenant, addresses };
}

function overlapProblem(tenant: Tenant | undefined, other: string, pods: readonly string[]): readonly Problem[] {
  if (tenant === undefined) return [];
  const who = pods.length === 1 ? `pod ${listed(pods)} is` : `pods ${listed(pods)} are`;
  const message = `${who} also of Tenant ${other}, so in neither; let the selectors of one leave them out`;
  return [problemsOf(tenant)('TenantOverlap', 'spec.members', message)];
}
