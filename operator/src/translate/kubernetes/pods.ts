import type { Tenant } from '../../api/generated/tenant.gen.ts';
import type { KubernetesObjects, KubernetesPod } from '../../api/kubernetes-objects.ts';
import { byText, sortedBy } from '../../ir/canonical.ts';
import type { PodIr } from '../../ir/fabric-ir.ts';
import { problemsOf } from '../input.ts';
import { listed } from '../listed.ts';
import type { Memory } from '../memory.ts';
import type { Outcome, Problem } from '../problem.ts';
import { isWithin } from '../tenant-name.ts';
import { Membership } from './membership.ts';

/** A tenant of a pod, or the two unrelated ones that both claim it. */
interface Verdict {
  readonly tenant: string;
  readonly rivals: readonly (readonly [string, string])[];
}

interface Judged {
  readonly pod: PodIr;
  readonly rivals: Verdict['rivals'];
}

/**
 * Every pod on a node with its tenant: the child where a child and its parent name it, none where unrelated tenants do. Pods
 * on the host's network share the node's address and belong to no tenant, finished ones have given theirs back: neither is here.
 */
export function translatePods(
  tenants: readonly Tenant[],
  { pods, namespaces }: KubernetesObjects,
  memory: Memory,
): Outcome<readonly PodIr[]> {
  const membership = memory.recallWhole('membership', [tenants, namespaces], () => new Membership(tenants, namespaces));
  const judged = inOrder(pods, memory).map((pod) =>
    memory.recall(pod, 'tenant', [membership], (): Judged => {
      const { tenant, rivals } = judge(membership.tenantsOf(pod));
      return { pod: podIr(pod, tenant), rivals };
    }),
  );
  return {
    value: judged.map(({ pod }) => pod),
    problems: overlapProblems(
      tenants,
      judged.filter(({ rivals }) => rivals.length > 0),
    ),
  };
}

// Sorting is the dearest part of a large cluster, and a change seldom touches the order.
function inOrder(pods: readonly KubernetesPod[], memory: Memory): readonly KubernetesPod[] {
  const present = pods.filter(hasOwnNetwork);
  const uids = present.map(({ uid }) => uid);
  const order = memory.recallWhole('order of pods', [uids], () => sortedBy(uids.keys(), (index) => uids[index] ?? ''));
  return order.flatMap((index) => present[index] ?? []);
}

function overlapProblems(tenants: readonly Tenant[], contested: readonly Judged[]): readonly Problem[] {
  const pairs = new Map<string, { readonly pair: readonly [string, string]; readonly pods: string[] }>();
  for (const { pod, rivals } of contested) {
    for (const pair of rivals) {
      const entry = pairs.get(pair.join(' ')) ?? { pair, pods: [] };
      pairs.set(pair.join(' '), entry);
      entry.pods.push(`${pod.namespace}/${pod.name}`);
    }
  }
  const byName = new Map(tenants.map((tenant) => [tenant.metadata.name, tenant]));
  return [...pairs.values()].flatMap(({ pair: [one, other], pods }) => {
    const shown = pods.sort(byText);
    return [overlapProblem(byName.get(one), other, shown), overlapProblem(byName.get(other), one, shown)].flat();
  });
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
