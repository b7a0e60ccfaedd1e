import { type Permission, permissions } from '@quiver/operator/kubernetes';
import type { Account, ServerUnderTest } from './server-under-test.ts';

const api = '/apis/rbac.authorization.k8s.io/v1';

/** Grants an account what the operator declares that it needs, and nothing else. */
export async function grantDeclared(subject: ServerUnderTest, { namespace, name }: Account): Promise<void> {
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
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

/** The rights that an account used, out of the server's audit: `patch discovery.k8s.io/endpointslices`. */
export function rightsUsed(audit: readonly string[], { namespace, name }: Account): ReadonlySet<string> {
  const username = `system:serviceaccount:${namespace}:${name}`;
  const events = audit.map((line) => JSON.parse(line) as AuditEvent).filter(({ user }) => user.username === username);
  return new Set(
    events.flatMap(({ verb, objectRef }) => {
      if (objectRef === undefined) return [];
      const { apiGroup = '', resource, subresource } = objectRef;
      return [rightText(verb, apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`)];
    }),
  );
}

/** The rights that the operator declares. */
export function rightsDeclared(): readonly string[] {
  return permissions.flatMap(({ group, resource, verbs }) => verbs.map((verb) => rightText(verb, group, resource)));
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource: string; readonly subresource?: string };
}

function rightText(verb: string, group: string, resource: string): string {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}`;
}

function ruleOf({ group, resource, verbs, only }: Permission): object {
  const names = only === 'Authority' ? { resourceNames: ['quiver-authority'] } : {};
  return { apiGroups: [group], resources: [resource], verbs, ...names };
}
