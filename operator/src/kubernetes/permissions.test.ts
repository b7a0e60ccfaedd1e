import assert from 'node:assert/strict';
import { assertPermitted, permissionFor, permissions } from './permissions.ts';
import { resourceTypes } from './resource-type.ts';

const namespace = 'quiver-system';

describe('permissions of the operator', () => {
  it('have no wildcard and name each right once', () => {
    const rights = permissions.flatMap(({ group, resource, verbs, scope, only, feature }) =>
      verbs.map((verb) => `${scope} ${group}/${resource} ${verb} ${only ?? ''} ${feature ?? ''}`),
    );
    assert.equal(new Set(rights).size, rights.length);
    assert.deepEqual(
      rights.filter((right) => right.includes('*')),
      [],
    );
  });

  it('read secrets nowhere but in the namespace of the release, and only the one of the authority', () => {
    const secrets = permissions.filter(({ resource }) => resource === 'secrets');
    assert.deepEqual(
      secrets.map(({ scope, only }) => [scope, only]),
      [['ReleaseNamespace', 'Authority']],
    );
    const call = { verb: 'get', type: resourceTypes.secret } as const;
    assert.equal(permissionFor({ ...call, namespace: 'prod' }, namespace), undefined);
    assert.equal(permissionFor(call, namespace), undefined);
    assert.ok(permissionFor({ ...call, namespace }, namespace));
  });

  it('tell an object from its status', () => {
    const type = resourceTypes.service;
    assertPermitted({ verb: 'patch', type, namespace: 'prod', subresource: 'status' }, namespace);
    assert.throws(
      () => assertPermitted({ verb: 'patch', type, namespace: 'prod' }, namespace),
      /patch services of group/,
    );
  });

  it('never change an object that a user wrote', () => {
    const own = permissions.filter(({ group, resource }) => group === 'quiver.dev' && !resource.includes('/'));
    assert.deepEqual([...new Set(own.flatMap(({ verbs }) => verbs))], ['list', 'watch']);
  });
});
