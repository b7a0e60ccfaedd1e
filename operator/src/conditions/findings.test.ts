import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PathReport } from '@quiver/dataplane-api';
import { parse } from 'yaml';
import type { ObjectRef } from '../api/resources.ts';
import { project } from '../project/node-config.ts';
import { CRD_FOLDER } from '../schema/index.ts';
import { exampleSnapshot, peerYaml, resourceYaml } from '../testing/example.ts';
import { translate } from '../translate/index.ts';
import type { Condition } from './condition.ts';
import { findingsFor, type Knowledge } from './findings.ts';
import { joinMessages, mergeConditions } from './merge.ts';
import type { NodeReport } from './node-report.ts';

const { ir, problems } = translate(exampleSnapshot());
const wanted = project(ir, 'node1')?.config;
assert.ok(wanted !== undefined);
const current: NodeReport = { node: 'node1', wanted, acknowledged: wanted, rejected: [], isConnected: true, paths: [] };
const service = { kind: 'Service', namespace: 'prod', name: 'db' } as const;
const peer = { kind: 'Peer', name: 'site-b' } as const;

function found(ref: Parameters<typeof findingsFor>[0], nodes: readonly NodeReport[], more: Partial<Knowledge> = {}) {
  const findings = findingsFor(ref, { ir, problems, nodes, ...more });
  return Object.fromEntries(
    findings.map(({ type, status, reason, message }) => [type, `${status} ${reason} ${message}`.trim()]),
  );
}

/** Types of the conditions that the API server gives an object before anybody has looked at it. */
function defaultTypes(kind: string): readonly string[] {
  const file = readdirSync(CRD_FOLDER).find((one) => one === `${kind.toLowerCase()}s.yaml`);
  const crd = parse(readFileSync(join(CRD_FOLDER, file ?? ''), 'utf8')) as {
    spec: {
      versions: { schema: { openAPIV3Schema: { properties: { status: { default: { conditions: Condition[] } } } } } }[];
    };
  };
  const status = crd.spec.versions[0]?.schema.openAPIV3Schema.properties.status;
  return (status?.default.conditions ?? []).map(({ type }) => type);
}

function path(state: string): PathReport {
  return {
    router: 'site-b',
    node: 'node1',
    localAddress: '203.0.113.11',
    remoteAddress: '203.0.113.21',
    state,
    sessions: 0n,
    clockOffsetMs: 0n,
    mtu: 1500,
  };
}

describe('conditions of an object', () => {
  it('are all true when every node acknowledged it', () => {
    assert.deepEqual(found(service, [current]), {
      Accepted: 'True Accepted',
      ResolvedRefs: 'True ResolvedRefs',
      Programmed: 'True Programmed',
      Ready: 'True Ready',
    });
  });

  it('wait for a node that has not answered or is not connected', () => {
    const silent = { ...current, acknowledged: undefined };
    assert.equal(found(service, [silent])['Programmed'], 'Unknown Pending node node1 has not answered yet');
    assert.equal(
      found(service, [{ ...silent, isConnected: false }])['Ready'],
      'Unknown Pending node node1 is not connected',
    );
  });

  it('name the reason of the node that refused', () => {
    const reasons = [
      { code: 'service_overlap', field: 'services[prod/db].addresses[0]', message: 'taken' },
      { code: 'peer_is_self', field: 'peers[site-b]', message: 'self' },
    ];
    const refusing = { ...current, acknowledged: undefined, rejected: reasons };
    assert.equal(
      found(service, [refusing])['Programmed'],
      'False NodeRejected node node1 refused the configuration: services[prod/db].addresses[0]: taken (service_overlap)',
    );
    const tenant = found({ kind: 'Tenant', name: 'web.prod' }, [refusing])['Programmed'];
    assert.ok(tenant?.includes('peer_is_self') && tenant.includes('service_overlap'));
  });

  it('stay true for an object that a pending change does not touch', () => {
    const later = translate(exampleSnapshot(resourceYaml.replace('5432', '5433'))).ir;
    const changed = project(later, 'node1')?.config;
    assert.ok(changed !== undefined);
    const nodes = [{ ...current, wanted: changed }];
    assert.equal(found({ kind: 'Tenant', name: 'web.prod' }, nodes, { ir: later })['Programmed'], 'True Programmed');
    assert.equal(found(service, nodes, { ir: later })['Programmed'], 'Unknown Pending node node1 has not answered yet');
  });

  it('tell whether a peer has a path that answers', () => {
    assert.equal(found(peer, [current])['Established'], 'Unknown Pending no session has used a path yet');
    assert.equal(found(peer, [current])['Ready'], 'True Ready');
    assert.equal(found(peer, [{ ...current, paths: [path('Suspect'), path('Up')] }])['Established'], 'True PathUp');
    const dead = found(peer, [{ ...current, paths: [path('Suspect')] }]);
    assert.equal(dead['Established'], 'False NoPath 203.0.113.11 to 203.0.113.21 is Suspect');
    assert.equal(dead['Ready'], 'False NoPath 203.0.113.11 to 203.0.113.21 is Suspect');
  });

  it('lend the reason of a warning to a condition that stays true', () => {
    const warning = {
      code: 'ShadowedPorts',
      object: service,
      field: 'spec.ports',
      message: 'UDP 53 goes elsewhere',
    } as const;
    const conditions = found(service, [current], { problems: [warning] });
    assert.equal(conditions['Accepted'], 'True ShadowedPorts spec.ports: UDP 53 goes elsewhere');
    assert.equal(conditions['Ready'], 'True Ready');
  });

  it('of an object that is nowhere in force are not programmed', () => {
    const alone = translate(exampleSnapshot(peerYaml));
    assert.equal(found(service, [], { ir: alone.ir })['Programmed'], 'False NotAccepted nothing of it is in force');
  });
});

describe('conditions in a cluster', () => {
  const dns = [{ service: 'prod/db', addresses: ['198.18.0.1'], ports: [] }];

  it('tell whether the name of a service is published, which being ready does not ask for', () => {
    assert.equal(found(service, [current])['DNSPublished'], undefined);
    assert.equal(found(peer, [current], { ir: { ...ir, dns } })['DNSPublished'], undefined);
    assert.equal(found(service, [current], { ir: { ...ir, dns } })['DNSPublished'], 'True Published');
    const taken = { code: 'NameTaken', object: service, field: 'metadata.name', message: 'taken' } as const;
    const conditions = found(service, [current], { ir: { ...ir, dns: [] }, problems: [taken] });
    assert.equal(conditions['DNSPublished'], 'False NameTaken metadata.name: taken');
    assert.equal(conditions['Ready'], 'True Ready');
    const refused = found(service, [current], { ir: { ...ir, services: [], dns: [] } });
    assert.equal(refused['DNSPublished'], 'False NotAccepted nothing of it is in force');
  });

  it('are not programmed while there is no node that could run anything', () => {
    const none = found(service, []);
    assert.equal(none['Programmed'], 'False NoNodes the router has no usable node');
    assert.equal(none['Ready'], 'False NoNodes the router has no usable node');
  });

  it('of a tenant wait until nodes have its pods, by uid and not by address', () => {
    const pod = { uid: 'a', namespace: 'prod', name: 'web', node: 'node1', tenant: 'web.prod', addresses: [] };
    const tenant = { kind: 'Tenant', name: 'web.prod' } as const;
    const withPod = { ...ir, pods: [pod] };
    const asked = project(withPod, 'node1')?.config;
    const started = project({ ...ir, pods: [{ ...pod, addresses: ['10.244.0.4'] }] }, 'node1')?.config;
    assert.ok(asked !== undefined && started !== undefined);
    const behind = [{ ...current, wanted: asked }];
    assert.equal(
      found(tenant, behind, { ir: withPod })['Programmed'],
      'Unknown Pending node node1 has not answered yet',
    );
    assert.equal(found(service, behind, { ir: withPod })['Programmed'], 'True Programmed');
    const later = [{ ...current, wanted: started, acknowledged: asked }];
    assert.equal(found(tenant, later, { ir: withPod })['Programmed'], 'True Programmed');
  });

  it('are written for every type that the definitions have by default', () => {
    const refs = { Tenant: 'web.prod', Service: 'db', ServiceRoute: 'db', Peer: 'site-b' } as const;
    for (const [kind, name] of Object.entries(refs)) {
      const types = findingsFor({ kind, name } as ObjectRef, { ir, problems, nodes: [current] }).map(
        ({ type }) => type,
      );
      assert.deepEqual(
        defaultTypes(kind).filter((type) => !types.some((one) => one === type)),
        [],
      );
      assert.ok(defaultTypes(kind).includes('Ready'));
    }
  });
});

describe('merging conditions', () => {
  const finding = { type: 'Ready', status: 'True', reason: 'Ready', message: '' } as const;
  const [first] = mergeConditions([finding], [], 1, 'monday');

  it('keeps the transition time while the status stays', () => {
    assert.ok(first !== undefined);
    const [second] = mergeConditions([{ ...finding, message: 'still' }], [first], 2, 'tuesday');
    assert.deepEqual([second?.lastTransitionTime, second?.observedGeneration, second?.message], ['monday', 2, 'still']);
  });

  it('moves the transition time when the status changes', () => {
    assert.ok(first !== undefined);
    const [second] = mergeConditions([{ ...finding, status: 'False' }], [first], 1, 'tuesday');
    assert.equal(second?.lastTransitionTime, 'tuesday');
  });

  it('limits messages to what the definitions allow', () => {
    const [long] = mergeConditions([{ ...finding, message: 'x'.repeat(5000) }], [], 1, 'monday');
    assert.equal(long?.message.length, 2048);
    const many = Array.from({ length: 1000 }, (_, index) => `problem number ${index}`);
    const joined = joinMessages(many);
    assert.ok(joined.length <= 2048);
    assert.match(joined, /; and \d+ more$/);
  });
});
