import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Tenant } from '../../api/generated/tenant.gen.ts';
import type { KubernetesPod } from '../../api/kubernetes-objects.ts';
import { Membership } from './membership.ts';
import { type LabelSelector, selects } from './selector.ts';

const label = fc.constantFrom('a', 'b');
const labels = fc.dictionary(label, fc.constantFrom('x', 'y'), { maxKeys: 2 });
const expression = fc.record({
  key: label,
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
  values: fc.subarray(['x', 'y'], { minLength: 1 }),
});
const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: labels,
  matchExpressions: fc.array(expression, { maxLength: 2 }),
});
const namespace = fc.constantFrom('one', 'two', 'unknown');
const account = fc.record({ namespace, name: fc.constantFrom('default', 'web') });
const member = fc.oneof(
  fc.record({ namespaceSelector: selector }),
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
  fc.record({ serviceAccounts: fc.array(account, { minLength: 1, maxLength: 2 }) }),
);
const world = fc.record({
  tenants: fc.array(fc.array(member, { maxLength: 3 }), { maxLength: 4 }),
  namespaces: fc.record({ one: labels, two: labels }),
  pods: fc.array(fc.record({ namespace, labels, serviceAccount: fc.constantFrom('default', 'web') }), { maxLength: 6 }),
});

function tenantOf(members: Tenant['spec']['members'], index: number): Tenant {
  const metadata = { name: `t${index}` };
  return {
    apiVersion: 'quiver.dev/v1alpha1',
    kind: 'Tenant',
    metadata,
    spec: members === undefined ? {} : { members },
  };
}

describe('membership of pods', () => {
  it('is what asking each member of each tenant gives', () => {
    fc.assert(
      fc.property(world, ({ tenants: given, namespaces, pods }) => {
        const tenants = given.map(tenantOf);
        const known: Readonly<Record<string, Readonly<Record<string, string>>>> = namespaces;
        const list = Object.entries(known).map(([name, of]) => ({ name, labels: of }));
        const membership = new Membership(tenants, list);
        for (const pod of pods) {
          const around = known[pod.namespace];
          const wanted = tenants.filter(({ spec }) =>
            (spec.members ?? []).some(({ namespaceSelector, podSelector, serviceAccounts }) => {
              if (serviceAccounts !== undefined)
                return serviceAccounts.some(
                  (one) => one.namespace === pod.namespace && one.name === pod.serviceAccount,
                );
              const isNear =
                namespaceSelector === undefined || (around !== undefined && selects(namespaceSelector, around));
              return isNear && selects(podSelector ?? {}, pod.labels);
            }),
          );
          assert.deepEqual(
            membership.tenantsOf(pod as KubernetesPod),
            wanted.map(({ metadata }) => metadata.name),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
