// Generated from crds/ by `npm run gen`. Do not edit.

import type { Condition, ObjectMeta } from './object.gen.ts';

/** A named population of sources. Services admit tenants. The name reads child.parent: a tenant may use whatever its parent may use, never the reverse. */
export interface Tenant {
  readonly apiVersion: 'quiver.dev/v1alpha1';
  readonly kind: 'Tenant';
  readonly metadata: ObjectMeta;
  readonly spec: TenantSpec;
  readonly status?: TenantStatus;
}

/** Who belongs to the tenant. */
export interface TenantSpec {
  /** The sources. A source belongs to the tenant when any entry matches it. A tenant without members is still useful as the parent of others. */
  readonly members?: readonly TenantSpecMember[];
}

/** Pods (by selectors or service accounts) or addresses. */
export interface TenantSpecMember {
  /** Namespaces whose pods belong; beside a podSelector both must match. An empty selector matches all. */
  readonly namespaceSelector?: TenantSpecMemberNamespaceSelector;
  /** Pods that belong, by their labels. An empty selector matches all. */
  readonly podSelector?: TenantSpecMemberPodSelector;
  /** Pods that run as one of these service accounts belong. */
  readonly serviceAccounts?: readonly TenantSpecMemberServiceAccount[];
  /** Sources without a pod, by address - machines, LANs, everything in standalone mode. Addresses of the cluster's pods do not count, unless interface is given; pods belong by selectors. */
  readonly cidrs?: readonly string[];
  /** The network interface of the node by which these sources come in. Without it they may come in by any. */
  readonly interface?: string;
}

/** Namespaces whose pods belong; beside a podSelector both must match. An empty selector matches all. */
export interface TenantSpecMemberNamespaceSelector {
  /** Labels that must all be there with these values. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Conditions that must all hold. */
  readonly matchExpressions?: readonly TenantSpecMemberNamespaceSelectorMatchExpression[];
}

/** One condition on one label. */
export interface TenantSpecMemberNamespaceSelectorMatchExpression {
  /** The label. */
  readonly key: string;
  /** How the label is compared. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** The values for In and NotIn. */
  readonly values?: readonly string[];
}

/** Pods that belong, by their labels. An empty selector matches all. */
export interface TenantSpecMemberPodSelector {
  /** Labels that must all be there with these values. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Conditions that must all hold. */
  readonly matchExpressions?: readonly TenantSpecMemberPodSelectorMatchExpression[];
}

/** One condition on one label. */
export interface TenantSpecMemberPodSelectorMatchExpression {
  /** The label. */
  readonly key: string;
  /** How the label is compared. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** The values for In and NotIn. */
  readonly values?: readonly string[];
}

/** One service account. */
export interface TenantSpecMemberServiceAccount {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
}

/** What the operator observed. Written by the operator only. */
export interface TenantStatus {
  /** The newest generation that the operator has looked at. */
  readonly observedGeneration?: number;
  /** Sources (pods or prefixes) that belong to the tenant now. */
  readonly members?: number;
  /** What the operator found. Accepted: the object makes sense. ResolvedRefs: everything it names exists. Programmed: every node concerned runs this generation. Ready: all of it, in one word. */
  readonly conditions?: readonly Condition[];
}
