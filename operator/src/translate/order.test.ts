import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { KubernetesObjects } from '../api/kubernetes-objects.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { assertValid } from '../ir/validate.ts';
import { projectAll } from '../project/node-config.ts';
import type { Snapshot } from '../source/resource-source.ts';
import { crds } from '../testing/example.ts';
import { snapshotOfText } from '../testing/golden-case.ts';
import { translate } from './index.ts';
import { Memory } from './memory.ts';

const folder = join(import.meta.dirname, 'testdata');
const snapshots = readdirSync(folder)
  .filter((name) => name.endsWith('.in.yaml'))
  .flatMap((name) => snapshotOfText(readFileSync(join(folder, name), 'utf8'), crds).snapshot ?? []);

/** Every object of all examples of one router, so that many of them conflict. */
function mixed(): Snapshot {
  const [first] = snapshots;
  assert.ok(first !== undefined);
  const once = <T extends { readonly metadata: { readonly name: string; readonly namespace?: string } }>(
    objects: readonly T[],
  ) => [...new Map(objects.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object])).values()];
  return {
    ...first,
    tenants: once(snapshots.flatMap(({ tenants }) => tenants)),
    services: once(snapshots.flatMap(({ services }) => services)),
    serviceRoutes: once(snapshots.flatMap(({ serviceRoutes }) => serviceRoutes)),
    peers: once(snapshots.flatMap(({ peers }) => peers)),
  };
}

function outcome(snapshot: Snapshot, memory?: Memory): string {
  const { ir, problems } = translate(snapshot, memory);
  assertValid(ir);
  return canonicalJson({ ir, problems, digests: projectAll(ir).map(({ digest }) => digest) });
}

// What one cluster has, taken together from all examples; names that stand for several things are taken once.
function mixedCluster(): KubernetesObjects {
  const clusters = snapshots.flatMap(({ kubernetes }) => kubernetes ?? []);
  const once = <T>(objects: readonly T[], key: (object: T) => string) => [
    ...new Map(objects.map((object) => [key(object), object])).values(),
  ];
  return {
    nodes: once(
      clusters.flatMap((one) => one.nodes),
      ({ name }) => name,
    ),
    namespaces: once(
      clusters.flatMap((one) => one.namespaces),
      ({ name }) => name,
    ),
    pods: once(
      clusters.flatMap((one) => one.pods),
      ({ uid }) => uid,
    ),
    coreServices: once(
      clusters.flatMap((one) => one.coreServices),
      ({ namespace, name }) => `${namespace}/${name}`,
    ),
    endpointSlices: once(
      clusters.flatMap((one) => one.endpointSlices),
      canonicalJson,
    ),
  };
}

describe('order of the objects of a cluster', () => {
  const kubernetes = mixedCluster();
  const inCluster = snapshots.find(({ router }) => router.kubernetes?.mode === 'Primary');
  assert.ok(inCluster !== undefined && kubernetes.pods.length > 5 && kubernetes.endpointSlices.length > 5);
  const all: Snapshot = { ...mixed(), router: inCluster.router, kubernetes };
  const wanted = outcome(all);

  it('never changes the representation, the problems or a digest', () => {
    const shuffled = fc.record({
      nodes: permutation(kubernetes.nodes),
      namespaces: permutation(kubernetes.namespaces),
      pods: permutation(kubernetes.pods),
      coreServices: permutation(kubernetes.coreServices),
      endpointSlices: permutation(kubernetes.endpointSlices),
    });
    fc.assert(fc.property(shuffled, (order) => assert.equal(outcome({ ...all, kubernetes: order }), wanted)));
  });

  it('any subset of them translates into a valid representation', () => {
    const subset = fc.record({
      nodes: fc.subarray([...kubernetes.nodes]),
      namespaces: fc.subarray([...kubernetes.namespaces]),
      pods: fc.subarray([...kubernetes.pods]),
      coreServices: fc.subarray([...kubernetes.coreServices]),
      endpointSlices: fc.subarray([...kubernetes.endpointSlices]),
    });
    fc.assert(fc.property(subset, (part) => assert.doesNotThrow(() => outcome({ ...all, kubernetes: part }))));
  });
});

describe('memory of former translations', () => {
  const kubernetes = mixedCluster();
  const inCluster = snapshots.find(({ router }) => router.kubernetes?.mode === 'Primary');
  assert.ok(inCluster !== undefined);
  const all: Snapshot = { ...mixed(), router: inCluster.router, kubernetes };
  const held = fc.dictionary(fc.constantFrom('prod/db', 'prod/a'), fc.constant(['198.18.0.9']), { maxKeys: 2 });
  const moment = fc.record({
    services: fc.subarray([...all.services]),
    serviceRoutes: fc.subarray([...all.serviceRoutes]),
    tenants: fc.subarray([...all.tenants]),
    peers: fc.subarray([...all.peers]),
    isInCluster: fc.boolean(),
    heldAddresses: held.map((addresses) => new Map(Object.entries(addresses))),
    kubernetes: fc.record({
      nodes: fc.subarray([...kubernetes.nodes]),
      namespaces: fc.subarray([...kubernetes.namespaces]),
      pods: fc.subarray([...kubernetes.pods]),
      coreServices: fc.subarray([...kubernetes.coreServices]),
      endpointSlices: fc.subarray([...kubernetes.endpointSlices]),
    }),
  });

  it('changes no result, whatever was translated before', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 2, maxLength: 6 }), (moments) => {
        const memory = new Memory();
        for (const { isInCluster, kubernetes: cluster, ...objects } of moments) {
          const snapshot = { ...all, ...objects, kubernetes: isInCluster ? cluster : undefined };
          assert.equal(outcome(snapshot, memory), outcome(snapshot));
        }
      }),
    );
  });

  it('does not take a router outside of clusters for one within', () => {
    const empty = { nodes: [], namespaces: [], pods: [], coreServices: [], endpointSlices: [] };
    const memory = new Memory();
    for (const cluster of [undefined, empty, undefined]) {
      const snapshot = { ...all, kubernetes: cluster };
      assert.equal(outcome(snapshot, memory), outcome(snapshot));
    }
  });

  it('keeps what has not changed, so that no other part of a configuration is made anew', () => {
    const memory = new Memory();
    const before = translate(all, memory).ir;
    const [first, ...rest] = kubernetes.pods;
    assert.ok(first !== undefined);
    const moved = { ...kubernetes, pods: [{ ...first, addresses: ['10.244.1.99'] }, ...rest] };
    const after = translate({ ...all, kubernetes: moved }, memory).ir;
    assert.ok(
      after.services.length > 10 && after.services.every((service, index) => service === before.services[index]),
    );
    assert.equal(after.tenants, before.tenants);
    const changed = after.pods.filter((pod, index) => pod !== before.pods[index]);
    assert.deepEqual(
      changed.map(({ uid, addresses }) => [uid, addresses]),
      [[first.uid, ['10.244.1.99']]],
    );
  });
});

describe('order of the resources', () => {
  const all = mixed();
  const wanted = outcome(all);

  it('never changes the representation, the problems or a digest', () => {
    const shuffled = fc.record({
      tenants: permutation(all.tenants),
      services: permutation(all.services),
      serviceRoutes: permutation(all.serviceRoutes),
      peers: permutation(all.peers),
    });
    fc.assert(fc.property(shuffled, (order) => assert.equal(outcome({ ...all, ...order }), wanted)));
  });

  it('any subset of resources translates into a valid representation', () => {
    const subset = fc.record({
      tenants: fc.subarray([...all.tenants]),
      services: fc.subarray([...all.services]),
      serviceRoutes: fc.subarray([...all.serviceRoutes]),
      peers: fc.subarray([...all.peers]),
    });
    fc.assert(fc.property(subset, (part) => assert.doesNotThrow(() => outcome({ ...all, ...part }))));
  });
});

function permutation<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}
