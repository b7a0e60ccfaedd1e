import assert from 'node:assert/strict';
import { exampleSnapshot } from '../testing/example.ts';
import { parseSeconds } from './duration.ts';
import { translate } from './index.ts';
import { formatProblem, sortProblems } from './problem.ts';

const example = exampleSnapshot();
const [service] = example.services;
const [route] = example.serviceRoutes;
const [peer] = example.peers;
const [tenant] = example.tenants;
assert.ok(service !== undefined && route !== undefined && peer !== undefined && tenant !== undefined);

// A source validates before it translates; what a source lets through must not become a wider policy all the same.
describe('objects that passed a source without validation', () => {
  it('a bad port rule refuses the whole service instead of widening it', () => {
    const bad = [
      { protocol: 'TCP', port: 90, endPort: 80 },
      { protocol: 'TCP', endPort: 80 },
      { protocol: 'ICMP', port: 8 },
      { protocol: 'IP' },
    ] as const;
    for (const rule of bad) {
      const { ir, problems } = translate({
        ...example,
        services: [{ ...service, spec: { ...service.spec, ports: [rule] } }],
      });
      assert.deepEqual(ir.services, []);
      assert.deepEqual(
        problems.map(({ code, object }) => `${object.kind} ${code}`),
        ['Service InvalidObject', 'ServiceRoute ReferenceNotAccepted'],
      );
    }
  });

  it('an unsupported service is refused and its route says so', () => {
    const { ir, problems } = translate({
      ...example,
      services: [{ ...service, spec: { ...service.spec, qos: { dscp: 46 } } }],
    });
    assert.deepEqual(ir.services, []);
    assert.deepEqual(
      problems.map(({ code, field }) => `${code} ${field}`),
      ['NotSupported spec.qos', 'ReferenceNotAccepted spec.service'],
    );
  });

  it('an unsupported peer is refused and the routes over it say so', () => {
    const { problems } = translate({
      ...example,
      peers: [{ ...peer, spec: { ...peer.spec, transport: 'SinglePort' } }],
    });
    assert.deepEqual(
      problems.map(({ object, code }) => `${object.kind} ${code}`),
      ['Peer NotSupported', 'Service NoRoute', 'ServiceRoute ReferenceNotAccepted'],
    );
  });

  it('texts that are no addresses are told and left out', () => {
    const { ir, problems } = translate({
      ...example,
      tenants: [{ ...tenant, spec: { members: [{ cidrs: ['10.1.0.0/24', 'lan'] }] } }],
      services: [{ ...service, spec: { ...service.spec, addresses: ['db.example'] } }],
      peers: [{ ...peer, spec: { ...peer.spec, waypoints: [{ name: 'node1', address: 'b.example', cost: 0 }] } }],
      serviceRoutes: [{ ...route, spec: { service: 'db', targets: [{ address: 'server', weight: 1 }] } }],
    });
    assert.deepEqual(
      problems.map(({ field, code }) => `${field} ${code}`),
      [
        'spec.waypoints[0].address InvalidObject',
        ' NoRoute',
        'spec.addresses[0] InvalidObject',
        'spec.targets[0].address InvalidObject',
        'spec.members[0].cidrs[1] InvalidObject',
      ],
    );
    assert.deepEqual(
      ir.services.map(({ addresses }) => addresses),
      [[]],
    );
  });

  it('a route with no way, two ways or one way twice is told', () => {
    const target = { address: '10.1.0.10', weight: 1 };
    const over = { name: 'site-b', cost: 0 };
    const specs = [
      { service: 'db' },
      { service: 'db', peers: [over], targets: [target] },
      { service: 'db', targets: [target, target] },
      { service: 'db', peers: [over, over] },
    ];
    for (const spec of specs) {
      const { problems } = translate({ ...example, serviceRoutes: [{ ...route, spec }] });
      assert.ok(problems.some(({ object, code }) => object.kind === 'ServiceRoute' && code === 'InvalidObject'));
    }
  });

  it('a namespaced object without a namespace is in the default one', () => {
    const { ir } = translate({ ...example, services: [{ ...service, metadata: { name: 'db' } }] });
    assert.deepEqual(
      ir.services.map(({ name }) => name),
      ['default/db'],
    );
  });
});

describe('problems and durations', () => {
  it('durations are whole seconds, rounded up', () => {
    assert.deepEqual(['1900s', '1h30m', '250ms', '1500ms', '0s'].map(parseSeconds), [1900, 5400, 1, 2, 0]);
    assert.deepEqual(['', '5', 's', '-1s', '1d'].map(parseSeconds), [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('one problem is told once and in canonical order', () => {
    const problem = {
      code: 'NoRoute',
      object: { kind: 'Service', namespace: 'a', name: 'b' },
      field: '',
      message: 'm',
    } as const;
    const peerProblem = {
      ...problem,
      code: 'OwnRouter',
      object: { kind: 'Peer', name: 'p' },
      field: 'spec.router',
    } as const;
    const sorted = sortProblems([problem, peerProblem, { ...problem }]);
    assert.deepEqual(sorted.map(formatProblem), ['Peer p: spec.router: m (OwnRouter)', 'Service a/b: m (NoRoute)']);
  });
});
