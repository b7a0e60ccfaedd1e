import assert from 'node:assert/strict';
import { permissions } from '../../operator/src/kubernetes/permissions.ts';
import { type Manifest, MINIMUM, render } from './render.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** Every right of a role on its own: `Cluster update secrets/x`. */
function rightsOf(manifests: readonly Manifest[], kind: 'ClusterRole' | 'Role', name: string): string[] {
  const roles = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
  return roles.flatMap((role) => (role['rules'] as Rule[]).flatMap((rule) => expand(kind, rule)));
}

function expand(kind: string, { apiGroups, resources, verbs, resourceNames = [''] }: Rule): string[] {
  const scope = kind === 'Role' ? 'ReleaseNamespace' : 'Cluster';
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => resourceNames.map((name) => right(scope, verb, group, resource, name))),
    ),
  );
}

function right(scope: string, verb: string, group: string, resource: string, name: string): string {
  return `${scope} ${verb} ${group === '' ? '' : `${group}/`}${resource}${name === '' ? '' : ` named ${name}`}`;
}

/** What the code declares that it calls. */
function neededRights(withTaint: boolean): string[] {
  return permissions
    .filter(({ feature }) => feature === undefined || withTaint)
    .flatMap(({ scope, group, resource, verbs, only }) =>
      verbs.map((verb) => right(scope, verb, group, resource, nameOf(resource, verb, only))),
    );
}

// The name of an object that is about to be made is not known to RBAC.
function nameOf(resource: string, verb: string, only: string | undefined): string {
  if (only === 'Authority') return 'quiver-authority';
  return resource === 'leases' && verb !== 'create' ? 'quiver-operator' : '';
}

function unique(rights: readonly string[]): string[] {
  return [...new Set(rights)].toSorted();
}

describe('the rights that the chart grants', () => {
  for (const nodeTaint of [false, true]) {
    it(`are those of the calls in the code and no others, nodeTaint ${String(nodeTaint)}`, async () => {
      const manifests = await render({ values: { ...MINIMUM, nodeTaint } });
      const operator = [
        ...rightsOf(manifests, 'ClusterRole', 'quiver-operator'),
        ...rightsOf(manifests, 'Role', 'quiver-operator'),
      ];
      const retire = rightsOf(manifests, 'Role', 'quiver-retire');
      assert.deepEqual(unique([...operator, ...retire]), unique(neededRights(nodeTaint)));
      assert.equal(operator.length, new Set(operator).size, 'a right is granted twice');
    });
  }

  it('on uninstall are about the Lease alone', async () => {
    const rights = rightsOf(await render(), 'Role', 'quiver-retire');
    const group = 'coordination.k8s.io/leases named quiver-operator';
    assert.deepEqual(
      rights.toSorted(),
      ['delete', 'get', 'update'].map((verb) => `ReleaseNamespace ${verb} ${group}`),
    );
  });

  it('hold no wildcard, no Secret of the cluster, and no Secret without a name', async () => {
    for (const role of (await render()).filter(({ kind }) => ['Role', 'ClusterRole'].includes(kind))) {
      for (const rule of role['rules'] as Rule[]) {
        const where = `${role.kind} ${role.metadata.name}`;
        assert.doesNotMatch(JSON.stringify(rule), /\*/, where);
        if (!rule.resources.includes('secrets')) continue;
        assert.equal(role.kind, 'Role', where);
        assert.deepEqual(rule.resourceNames, ['quiver-authority'], where);
      }
    }
  });

  it('are bound to the accounts of operator, uninstall and test, never to that of agents', async () => {
    const manifests = await render();
    const bindings = manifests.filter(({ kind }) => ['RoleBinding', 'ClusterRoleBinding'].includes(kind));
    const accounts = bindings.flatMap((one) => (one['subjects'] as { name: string }[]).map(({ name }) => name));
    assert.deepEqual(unique(accounts), ['quiver-operator', 'quiver-retire', 'quiver-test']);
  });

  it('of users cover the four kinds: namespaced ones for editors, those of the cluster for its admins', async () => {
    const manifests = await render();
    const writes = (role: string): string[] =>
      unique(rightsOf(manifests, 'ClusterRole', role).filter((one) => one.includes('create')));
    assert.deepEqual(writes('quiver-edit'), [
      'Cluster create quiver.dev/serviceroutes',
      'Cluster create quiver.dev/services',
    ]);
    assert.deepEqual(writes('quiver-admin'), ['Cluster create quiver.dev/peers', 'Cluster create quiver.dev/tenants']);
    assert.deepEqual(writes('quiver-view'), []);
    const aggregated = manifests.flatMap(({ metadata: { name, labels = {} } }) =>
      Object.keys(labels).flatMap(
        (label) =>
          /aggregate-to-(\w+)$/
            .exec(label)
            ?.slice(1)
            .map((to) => `${name} ${to}`) ?? [],
      ),
    );
    assert.deepEqual(aggregated.toSorted(), [
      'quiver-admin admin',
      'quiver-edit admin',
      'quiver-edit edit',
      'quiver-view admin',
      'quiver-view edit',
      'quiver-view view',
    ]);
  });

  it('can be left to others', async () => {
    const manifests = await render({ values: { ...MINIMUM, rbac: { create: false, aggregate: false } } });
    assert.deepEqual(rightsOf(manifests, 'ClusterRole', 'quiver-operator'), []);
    assert.doesNotMatch(JSON.stringify(manifests.map(({ metadata }) => metadata.labels)), /aggregate-to/);
  });
});
