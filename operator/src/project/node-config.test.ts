import assert from 'node:assert/strict';
import { NodeConfig, TargetSource } from '@quiver/dataplane-api';
import { exampleSnapshot, routerYaml, serviceYaml, tenantYaml } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import { project, projectAll } from './node-config.ts';
import { holds, sliceOf } from './slice.ts';

const { ir } = translate(exampleSnapshot());

describe('configuration of a node', () => {
  it('is absent for a node that the router does not have', () => {
    assert.equal(project(ir, 'node9'), undefined);
  });

  it('has equal bytes and digest for an equal representation', () => {
    const one = project(ir, 'node1');
    const other = project(structuredClone(ir), 'node1');
    assert.ok(one !== undefined && other !== undefined);
    assert.deepEqual(one.bytes, other.bytes);
    assert.match(one.digest, /^[0-9a-f]{64}$/);
    assert.equal(one.digest, other.digest);
  });

  it('reads back from its bytes as it was', () => {
    for (const { bytes, config } of projectAll(ir)) assert.deepEqual(NodeConfig.decode(bytes), config);
  });

  it('changes its digest with the bytes of a secret', () => {
    const [version] = ir.keySource.versions;
    assert.ok(version !== undefined);
    const changed = { ...ir, keySource: { ...ir.keySource, versions: [{ ...version, digest: '00' }] } };
    assert.notEqual(project(changed, 'node1')?.digest, project(ir, 'node1')?.digest);
  });

  it('takes sources from the return pool for servers on the node', () => {
    const server = { address: '10.1.0.10', port: 0, weight: 1, node: '', isDraining: false };
    const target = { ...server, source: 'ReturnPool' } as const;
    const [service] = ir.services;
    assert.ok(service !== undefined);
    const routes = [{ name: 'prod/db', peers: [], targets: [target], maxSessions: 0, isShared: false }];
    const config = project({ ...ir, services: [{ ...service, routes }] }, 'node1')?.config;
    assert.equal(config?.services[0]?.routes[0]?.targets[0]?.source, TargetSource.TARGET_SOURCE_RETURN_POOL);
  });
});

describe('part of a configuration that stands for one object', () => {
  const config = project(ir, 'node1')?.config;
  assert.ok(config !== undefined);
  const more = exampleSnapshot(
    `${tenantYaml}---\n${serviceYaml.replace('5432', '5433')}---\n${serviceYaml.replace('name: db', 'name: other')}`,
  );
  const changed = translate(more).ir;
  const changedConfig = project(changed, 'node1')?.config;
  assert.ok(changedConfig !== undefined);

  it('stays equal when another object changes', () => {
    const ref = { kind: 'Tenant', name: 'web.prod' } as const;
    assert.equal(sliceOf(config, ref, ir), sliceOf(changedConfig, ref, changed));
  });

  it('differs when the object itself changes', () => {
    const ref = { kind: 'Service', namespace: 'prod', name: 'db' } as const;
    assert.notEqual(sliceOf(config, ref, ir), sliceOf(changedConfig, ref, changed));
  });

  it('is absent for an object that is not in force', () => {
    assert.equal(sliceOf(changedConfig, { kind: 'ServiceRoute', namespace: 'prod', name: 'db' }, changed), undefined);
    assert.equal(sliceOf(changedConfig, { kind: 'Peer', name: 'site-b' }, changed), undefined);
    assert.equal(sliceOf(config, { kind: 'File', name: 'a.yaml' }, ir), undefined);
    const refs = [
      { kind: 'ServiceRoute', namespace: 'prod', name: 'db' },
      { kind: 'Peer', name: 'site-b' },
      { kind: 'RouterConfig', name: 'router.yaml' },
      { kind: 'File', name: 'a.yaml' },
    ] as const;
    assert.deepEqual(
      refs.map((ref) => [holds(ir, ref), holds(changed, ref)]),
      [
        [true, false],
        [true, false],
        [true, true],
        [false, false],
      ],
    );
  });

  it('of the router changes with its settings only', () => {
    const ref = { kind: 'RouterConfig', name: 'router.yaml' } as const;
    const signed = translate(exampleSnapshot(undefined, `${routerYaml}metadata: Signed\n`)).ir;
    const signedConfig = project(signed, 'node1')?.config;
    assert.ok(signedConfig !== undefined);
    assert.equal(sliceOf(config, ref, ir), sliceOf(changedConfig, ref, changed));
    assert.notEqual(sliceOf(config, ref, ir), sliceOf(signedConfig, ref, signed));
  });
});
