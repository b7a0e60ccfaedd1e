import assert from 'node:assert/strict';
import { QuiverError } from '../errors.ts';
import { exampleSnapshot } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import { canonicalJson } from './canonical.ts';
import type { FabricIr } from './fabric-ir.ts';
import { assertValid, invariants } from './validate.ts';

const { ir } = translate(exampleSnapshot());
const [service] = ir.services;
const [peer] = ir.peers;
const [tenant] = ir.tenants;
assert.ok(service !== undefined && peer !== undefined && tenant !== undefined);

const pod = { uid: 'a', namespace: 'prod', name: 'web', node: 'node1', tenant: 'web.prod', addresses: ['10.244.0.4'] };

const broken: Readonly<Record<string, FabricIr>> = {
  namesAreSortedAndUnique: { ...ir, tenants: [tenant, tenant] },
  allowedTenantsAreKnown: { ...ir, tenants: [] },
  routePeersAreKnown: { ...ir, peers: [] },
  routesLeadSomewhereInOneWay: {
    ...ir,
    services: [{ ...service, routes: [{ name: 'prod/db', peers: [], targets: [], maxSessions: 0, isShared: false }] }],
  },
  prefixesAreCanonical: { ...ir, returnPool: ['169.254.96.0'] },
  serviceAddressesAreRouted: { ...ir, servicePool: ['198.19.0.0/16'] },
  waypointsAreAddressesUsedOnce: {
    ...ir,
    nodes: [{ name: 'node1', waypoints: [{ name: 'wan0', address: '203.0.113.21' }] }],
  },
  podsAreInKnownTenants: { ...ir, pods: [{ ...pod, tenant: 'dev' }] },
  podsAreSortedAndUnique: { ...ir, pods: [pod, pod] },
  ownRouterIsNoPeer: { ...ir, router: 'site-b' },
  activeSecretIsListed: { ...ir, keySource: { ...ir.keySource, active: 9 } },
};

describe('invariants of the representation', () => {
  it('hold for what the translation makes', () => {
    assert.doesNotThrow(() => assertValid(ir));
  });

  for (const name of Object.keys(invariants)) {
    it(`names the invariant ${name} when it is broken`, () => {
      const example = broken[name];
      assert.ok(example !== undefined, 'an invariant without a test');
      assert.throws(
        () => assertValid(example),
        (error) =>
          error instanceof QuiverError && error.code === 'InvariantBroken' && error.message.includes(`${name}: `),
      );
    });
  }

  it('canonical text does not depend on the order of keys', () => {
    assert.equal(canonicalJson({ b: [2, { d: 1, c: undefined }], a: 1 }), canonicalJson({ a: 1, b: [2, { d: 1 }] }));
  });
});
