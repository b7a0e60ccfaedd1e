import assert from 'node:assert/strict';
import { type RouteTarget, type Service, Spread, TargetSource } from '@quiver/dataplane-api';
import fc from 'fast-check';
import type { RouteTargetIr, ServiceIr } from '../ir/fabric-ir.ts';
import { exampleSnapshot } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import { projectServices } from './service.ts';

const [example] = translate(exampleSnapshot()).ir.services;
assert.ok(example !== undefined);

function viewOf(service: ServiceIr, node: string): Service {
  const { elsewhere, onNode } = projectServices([service]);
  const view = onNode.get(node)?.get(0) ?? elsewhere[0];
  assert.ok(view !== undefined);
  return view;
}

function served(targets: readonly RouteTargetIr[], spread: ServiceIr['spread'] = 'Hunt'): ServiceIr {
  const routes = [{ name: 'prod/db', peers: [], targets, maxSessions: 0, isShared: true }];
  return { ...(example as ServiceIr), spread, routes };
}

const endpoint: fc.Arbitrary<RouteTargetIr> = fc
  .record({
    last: fc.integer({ min: 1, max: 40 }),
    isIpv6: fc.boolean(),
    node: fc.constantFrom('', 'node1', 'node2'),
    isDraining: fc.boolean(),
  })
  .map(({ last, isIpv6, node, isDraining }) => {
    const address = isIpv6 ? `fd00::${last}` : `10.244.0.${last}`;
    return { address, port: 5432, weight: 1, source: 'ReturnPool', node, isDraining };
  });
const endpoints = fc.uniqueArray(endpoint, { selector: ({ address }) => address, maxLength: 8 });

function targetsOn(node: string, targets: readonly RouteTargetIr[]): readonly RouteTarget[] {
  return viewOf(served(targets), node).routes[0]?.targets ?? [];
}

describe('endpoints as a node sees them', () => {
  it('stay all there, so that no live session ends for what another one prefers', () => {
    fc.assert(
      fc.property(endpoints, fc.constantFrom('node1', 'node2', 'node3'), (targets, node) => {
        assert.deepEqual(
          targetsOn(node, targets).map(({ address, port }) => ({ address, port })),
          targets.map(({ address, port }) => ({ address, port })),
        );
      }),
    );
  });

  it('get new sessions on the node itself while one there takes some, else anywhere', () => {
    fc.assert(
      fc.property(endpoints, fc.constantFrom('node1', 'node2', 'node3'), fc.boolean(), (all, node, isIpv6) => {
        const targets = all.filter(({ address }) => address.includes(':') === isIpv6);
        const open = targets.filter(({ isDraining }) => !isDraining);
        const here = open.filter((target) => target.node === node);
        const wanted = (here.length > 0 ? here : open).map(({ address }) => address);
        const preferred = targetsOn(node, all).filter(({ healthy, weight }) => healthy && weight > 0);
        const shown = preferred.map(({ address }) => address).filter((address) => address.includes(':') === isIpv6);
        assert.deepEqual(shown, wanted);
      }),
    );
  });

  it('see the return pool from their own node, and the address of any other', () => {
    const targets = ['node1', 'node2', ''].map((node, index) => {
      const address = `10.244.0.${index}`;
      return { address, port: 1, weight: 1, source: 'ReturnPool', node, isDraining: false } as const;
    });
    const { TARGET_SOURCE_NODE: far, TARGET_SOURCE_RETURN_POOL: near } = TargetSource;
    assert.deepEqual(
      targetsOn('node1', targets).map(({ source }) => source),
      [near, far, far],
    );
    assert.deepEqual(
      targetsOn('node3', targets).map(({ source }) => source),
      [far, far, far],
    );
  });

  it('share sessions whatever the service says about others', () => {
    for (const spread of ['Hunt', 'Proportional'] as const) {
      assert.equal(viewOf(served([], spread), 'node1').spread, Spread.SPREAD_PROPORTIONAL);
    }
    assert.equal(viewOf(example, 'node1').spread, Spread.SPREAD_HUNT);
  });

  it('that are elsewhere are one view for all nodes', () => {
    const target = { address: '10.244.0.1', port: 1, weight: 1, source: 'ReturnPool', isDraining: false } as const;
    const service = served([{ ...target, node: 'node1' }]);
    assert.equal(viewOf(service, 'node2'), viewOf(service, 'node3'));
    assert.notEqual(viewOf(service, 'node1'), viewOf(service, 'node3'));
  });
});
