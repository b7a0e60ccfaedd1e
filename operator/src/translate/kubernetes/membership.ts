import type { Tenant, TenantSpecMember as TenantMember } from '../../api/generated/tenant.gen.ts';
import type { KubernetesNamespace, KubernetesPod, Labels } from '../../api/kubernetes-objects.ts';
import { byText } from '../../ir/canonical.ts';
import { type LabelSelector, selects } from './selector.ts';

interface Rule {
  readonly tenant: string;
  readonly namespaces: LabelSelector | undefined;
  readonly pods: LabelSelector;
}

/** The rules that can hold in one namespace: those that ask for a label by that label, and the others. */
interface NamespaceRules {
  readonly byLabel: ReadonlyMap<string, readonly Rule[]>;
  readonly others: readonly Rule[];
}

/** Says which tenants name a pod, without asking every tenant about every pod. */
export class Membership {
  readonly #rules: readonly Rule[];
  readonly #byAccount: ReadonlyMap<string, readonly string[]>;
  readonly #labelsOf: ReadonlyMap<string, Labels>;
  readonly #inNamespace = new Map<string, NamespaceRules>();

  constructor(tenants: readonly Tenant[], namespaces: readonly KubernetesNamespace[]) {
    const members = tenants.flatMap(({ metadata, spec }) =>
      (spec.members ?? []).map((member) => ({ tenant: metadata.name, member })),
    );
    this.#rules = members.flatMap(({ tenant, member }) => ruleOf(tenant, member) ?? []);
    this.#byAccount = accountsOf(members);
    this.#labelsOf = new Map(namespaces.map(({ name, labels }) => [name, labels]));
  }

  /** Names of the tenants that select the pod, in order, each once. */
  tenantsOf(pod: KubernetesPod): readonly string[] {
    const { byLabel, others } = this.#rulesIn(pod.namespace);
    const found = new Set(this.#byAccount.get(`${pod.namespace}/${pod.serviceAccount}`));
    const take = ({ tenant, pods }: Rule): void => {
      if (selects(pods, pod.labels)) found.add(tenant);
    };
    for (const key of Object.keys(pod.labels)) {
      byLabel.get(key)?.forEach(take);
      byLabel.get(labelKey(key, pod.labels[key] ?? ''))?.forEach(take);
    }
    others.forEach(take);
    return [...found].sort(byText);
  }

  #rulesIn(namespace: string): NamespaceRules {
    const known = this.#inNamespace.get(namespace);
    if (known !== undefined) return known;
    const labels = this.#labelsOf.get(namespace);
    // What a namespace that nobody knows yet is labelled with cannot be said, and no label is no permission.
    const holding = this.#rules.filter(
      ({ namespaces }) => namespaces === undefined || (labels !== undefined && selects(namespaces, labels)),
    );
    const keyed = holding.flatMap((rule) => keysOf(rule.pods).map((key) => ({ key, rule })));
    const groups = Map.groupBy(keyed, ({ key }) => key);
    const byLabel = new Map([...groups].map(([key, entries]) => [key, entries.map(({ rule }) => rule)]));
    const others = byLabel.get('') ?? [];
    byLabel.delete('');
    const rules = { others, byLabel };
    this.#inNamespace.set(namespace, rules);
    return rules;
  }
}

function ruleOf(tenant: string, { namespaceSelector, podSelector }: TenantMember): Rule | undefined {
  if (namespaceSelector === undefined && podSelector === undefined) return undefined;
  return { tenant, namespaces: namespaceSelector, pods: podSelector ?? {} };
}

function accountsOf(
  members: readonly { readonly tenant: string; readonly member: TenantMember }[],
): ReadonlyMap<string, readonly string[]> {
  const accounts = members.flatMap(({ tenant, member }) =>
    (member.serviceAccounts ?? []).map(({ namespace, name }) => ({ tenant, account: `${namespace}/${name}` })),
  );
  const grouped = Map.groupBy(accounts, ({ account }) => account);
  return new Map([...grouped].map(([account, of]) => [account, of.map(({ tenant }) => tenant)]));
}

// The labels, one of which a pod must have before the rule can hold: `key=value` or `key`; empty when it may have none.
function keysOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly string[] {
  const [first] = Object.entries(matchLabels);
  if (first !== undefined) return [labelKey(...first)];
  const listed = matchExpressions.find(({ operator }) => operator === 'In');
  if (listed !== undefined) return (listed.values ?? []).map((value) => labelKey(listed.key, value));
  const present = matchExpressions.find(({ operator }) => operator === 'Exists');
  return [present?.key ?? ''];
}

function labelKey(key: string, value: string): string {
  return `${key}=${value}`;
}
