import type { TenantSpecMemberPodSelector } from '../../api/generated/tenant.gen.ts';
import type { Labels } from '../../api/kubernetes-objects.ts';

/** A label selector as Kubernetes has it. */
export type LabelSelector = TenantSpecMemberPodSelector;

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

/** Whether all of a selector holds for the labels. An empty selector holds for all; a label that is absent is in no set. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => valueOf(labels, key) === value) &&
    matchExpressions.every((expression) => holds(expression, labels))
  );
}

function holds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

// A label may be named like something that every object inherits.
function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
