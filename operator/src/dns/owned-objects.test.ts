import assert from 'node:assert/strict';
import { exampleSnapshot } from '../testing/example.ts';
import { desiredOwnedObjects } from './owned-objects.ts';

const [service] = exampleSnapshot().services;
assert.ok(service !== undefined);
const owner = { ...service, metadata: { ...service.metadata, uid: 'uid-1' } };
const record = {
  service: 'prod/db',
  addresses: ['198.18.0.17', 'fd71::17'],
  ports: [{ name: 'tcp-5432', protocol: 'TCP', port: 5432 } as const],
};

describe('objects for names in the cluster', () => {
  it('belong to their Quiver Service, so that they go with it', () => {
    const { services, slices } = desiredOwnedObjects({ dns: [record] }, [owner]);
    for (const { metadata } of [...services, ...slices]) {
      assert.deepEqual(
        metadata.ownerReferences.map(({ kind, name, uid, controller }) => ({ kind, name, uid, controller })),
        [{ kind: 'Service', name: 'db', uid: 'uid-1', controller: true }],
      );
      assert.equal(metadata.labels['app.kubernetes.io/managed-by'], 'quiver-operator');
    }
    assert.deepEqual(
      slices.map(({ metadata, addressType, endpoints }) => [metadata.name, addressType, endpoints[0]?.addresses]),
      [
        ['db-quiver-ipv4', 'IPv4', ['198.18.0.17']],
        ['db-quiver-ipv6', 'IPv6', ['fd71::17']],
      ],
    );
  });

  it('are not made for a service that nothing could own them for', () => {
    const nothing = { services: [], slices: [] };
    assert.deepEqual(desiredOwnedObjects({ dns: [record] }, [service]), nothing);
    assert.deepEqual(desiredOwnedObjects({ dns: [record] }, []), nothing);
    assert.deepEqual(desiredOwnedObjects({}, [owner]), nothing);
  });
});
