import { type Permission, permissions } from '@quiver/operator/kubernetes';
import type { ServerUnderTest } from './server-under-test.ts';

const api = '/apis/rbac.authorization.k8s.io/v1';

/** Grants an account what the operator declares that it needs, and nothing else. */
export async function grantDeclared(subject: ServerUnderTest, namespace: string, account: string): Promise<void> {
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace }];
  const name = account;
  for (const [scope, kind, path] of [
    ['Cluster', 'ClusterRole', api],
    ['ReleaseNamespace', 'Role', `${api}/namespaces/${namespace}`],
  ] as const) {
    const rules = permissions.filter((one) => one.scope === scope).map(ruleOf);
    await subject.write('POST', `${path}/${kind.toLowerCase()}s`, { metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
    await subject.write('POST', `${path}/${kind.toLowerCase()}bindings`, { metadata: { name }, roleRef, subjects });
  }
}

function ruleOf({ group, resource, verbs, only }: Permission): object {
  const names = only === 'Authority' ? { resourceNames: ['quiver-authority'] } : {};
  return { apiGroups: [group], resources: [resource], verbs, ...names };
}
