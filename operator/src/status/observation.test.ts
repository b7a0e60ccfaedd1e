import assert from 'node:assert/strict';
import type { Report } from '@quiver/dataplane-api';
import { exampleSnapshot } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import { observe } from './observation.ts';

const { ir } = translate(exampleSnapshot());
const [service] = ir.services;
assert.ok(service !== undefined);

const pod = { namespace: 'prod', name: 'web', node: 'node1', tenant: 'web.prod', addresses: [] };
const endpoint = { address: '10.244.0.4', port: 5432, weight: 1, source: 'ReturnPool', node: 'node1' } as const;
const targets = [
  { ...endpoint, isDraining: false },
  { ...endpoint, address: '10.244.0.5', isDraining: true },
  { ...endpoint, address: '10.244.0.6', port: 0, isDraining: false },
];
const routes = [{ name: 'prod/db', peers: [], targets, maxSessions: 0, isShared: true }];
const cluster = {
  ...ir,
  pods: [
    { ...pod, uid: 'a' },
    { ...pod, uid: 'b', tenant: '' },
    { ...pod, uid: 'c' },
  ],
  services: [{ ...service, routes }],
};

function report(sessions: bigint, isHealthy: boolean): Report {
  const told = { route: 'prod/db', address: '10.244.0.4', port: 5432, healthy: isHealthy, sessions };
  return { services: [{ service: 'prod/db', sessions }], targets: [told], paths: [], sessions };
}

describe('what is observed of objects in a cluster', () => {
  it('counts prefixes and pods as members of a tenant', () => {
    assert.deepEqual(observe({ kind: 'Tenant', name: 'web.prod' }, cluster, []), { members: 3 });
    assert.deepEqual(observe({ kind: 'Tenant', name: 'none' }, cluster, []), { members: 0 });
  });

  it('sums up the sessions of all nodes', () => {
    const ref = { kind: 'Service', namespace: 'prod', name: 'db' } as const;
    assert.equal(observe(ref, cluster, [report(2n, true), report(3n, true)]).sessions, 5);
  });

  it('shows an endpoint as healthy while it takes sessions and no node says otherwise', () => {
    const ref = { kind: 'ServiceRoute', namespace: 'prod', name: 'db' } as const;
    const draining = { address: '10.244.0.5', port: 5432, healthy: false, sessions: 0 };
    const dialled = { address: '10.244.0.6', healthy: true, sessions: 0 };
    assert.deepEqual(observe(ref, cluster, [report(2n, true), report(3n, true)]).targets, [
      { address: '10.244.0.4', port: 5432, healthy: true, sessions: 5 },
      draining,
      dialled,
    ]);
    assert.deepEqual(observe(ref, cluster, [report(2n, true), report(3n, false)]).targets, [
      { address: '10.244.0.4', port: 5432, healthy: false, sessions: 5 },
      draining,
      dialled,
    ]);
  });
});
