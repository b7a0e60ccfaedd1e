import assert from 'node:assert/strict';
import { type Json, loadCrds, validateObject, withDefaults } from './index.ts';

const crds = loadCrds();

function crdOf(kind: string) {
  const crd = crds.get(kind);
  assert.ok(crd !== undefined);
  return crd;
}

function findings(kind: string, spec: Json, metadata: Json = { name: 'db' }): string[] {
  const object = { apiVersion: 'quiver.dev/v1alpha1', kind, metadata, spec };
  return validateObject(crdOf(kind), object).map(({ path, message }) => `${path} ${message}`);
}

describe('the validation of an object', () => {
  it('suggests the field that was probably meant', () => {
    assert.deepEqual(findings('Service', { acess: [] }), ['spec.acess is not a known field: did you mean "access"?']);
    assert.deepEqual(findings('Service', { ports: [{ protcol: 'TCP' }] }), [
      'spec.ports[0].protocol is missing: add it',
      'spec.ports[0].protcol is not a known field: did you mean "protocol"?',
    ]);
  });

  it('lists the known fields when none is near', () => {
    assert.deepEqual(findings('Tenant', { selectors: [] }), [
      'spec.selectors is not a known field: use one of members',
    ]);
  });

  it('suggests the value that was probably meant', () => {
    assert.deepEqual(findings('Service', { ports: [{ protocol: 'tcp' }] }), [
      'spec.ports[0].protocol "tcp" is not known: did you mean "TCP"?',
    ]);
    assert.deepEqual(findings('Service', { scope: 'World' }), [
      'spec.scope "World" is not known: use one of Private, Public',
    ]);
  });

  it('says how a value of the wrong type is written rightly', () => {
    assert.deepEqual(findings('Service', { ports: [{ protocol: 'TCP', port: '80' }] }), [
      'spec.ports[0].port must be a whole number, but is the string "80": remove the quotes',
    ]);
    assert.deepEqual(findings('Service', { path: { sla: { minMos: 3.8 } } }), [
      'spec.path.sla.minMos must be a string, but is number 3.8: put it in quotes',
    ]);
    assert.deepEqual(findings('Service', { addresses: '198.51.100.7/32' }), [
      'spec.addresses must be a list, but is the string "198.51.100.7/32": write it as a list with one entry',
    ]);
    assert.deepEqual(findings('Service', { export: 'yes' }), [
      'spec.export must be true or false, but is the string "yes"',
    ]);
    assert.deepEqual(findings('ServiceRoute', { service: 'db', endpoints: { service: 'db', port: 1.5 } }), [
      'spec.endpoints.port must be a whole number or a string, but is number 1.5',
    ]);
  });

  it('keeps numbers and lengths within their bounds', () => {
    assert.deepEqual(findings('Service', { ports: [{ protocol: 'TCP', port: 0 }] }), [
      'spec.ports[0].port must be at least 1, but is 0',
    ]);
    assert.deepEqual(findings('Service', { qos: { dscp: 64 } }), ['spec.qos.dscp must be at most 63, but is 64']);
    assert.deepEqual(findings('Service', { ports: [] }), [
      'spec.ports is an empty list: add an entry, or remove the field',
    ]);
    assert.deepEqual(findings('Service', { qos: {} }), ['spec.qos is empty: add a field, or remove it']);
    assert.deepEqual(findings('Service', { addresses: [`2001:db8::${'0'.repeat(40)}/64`] }), [
      'spec.addresses[0] must have at most 43 characters, but has 53: shorten it',
    ]);
    const members = Array.from({ length: 65 }, () => ({ cidrs: ['10.0.0.0/8'] }));
    assert.deepEqual(findings('Tenant', { members }), ['spec.members must have at most 64 entries, but has 65']);
    const matchLabels = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`l${index}`, 'x']));
    assert.deepEqual(findings('Tenant', { members: [{ podSelector: { matchLabels } }] }), [
      'spec.members[0].podSelector.matchLabels must have at most 16 fields, but has 17',
    ]);
  });

  it('finds entries of a list that are there twice', () => {
    assert.deepEqual(findings('Service', { access: [{ tenant: 'a' }, { tenant: 'b' }, { tenant: 'a' }] }), [
      'spec.access[2] tenant "a" is there twice: remove one of the two',
    ]);
    assert.deepEqual(findings('Tenant', { members: [{ cidrs: ['10.0.0.0/8', '10.0.0.0/8'] }] }), [
      'spec.members[0].cidrs[1] "10.0.0.0/8" is there twice: remove one of the two',
    ]);
  });

  it('does not take null for a value', () => {
    assert.deepEqual(findings('Service', { ports: null }), [
      'spec.ports must not be null: give it a value, or remove the field',
    ]);
  });

  it('reports broken rules beside broken fields elsewhere, but no rule over a broken field', () => {
    const spec = { acess: [], ports: [{ protocol: 'udp' }], sessions: { idleTimeout: '0s' }, address: 'Fixed' };
    const paths = findings('Service', spec).map((text) => text.split(' ')[0]);
    assert.deepEqual(paths, ['spec.acess', 'spec.ports[0].protocol', 'spec.sessions.idleTimeout']);
  });

  it('names what is missing at the top of the object', () => {
    const messages = validateObject(crdOf('Service'), { kind: 'Service' }).map(
      ({ path, message }) => `${path} ${message}`,
    );
    assert.deepEqual(messages, [
      'apiVersion is missing: add it',
      'metadata is missing: add it',
      'spec is missing: add it',
    ]);
    assert.deepEqual(findings('Service', {}, { nmae: 'db' }), [
      'metadata.name is missing: add it',
      'metadata.nmae is not a known field: did you mean "name"?',
    ]);
  });

  it('refuses another version, another kind, and a namespace where there is none', () => {
    const object = { apiVersion: 'quiver.dev/v1', kind: 'Tenants', metadata: { name: 'a', namespace: 'b' }, spec: {} };
    assert.deepEqual(
      validateObject(crdOf('Tenant'), object).map(({ path, message }) => `${path} ${message}`),
      [
        'apiVersion is "quiver.dev/v1": write quiver.dev/v1alpha1',
        'kind is "Tenants": write Tenant',
        'metadata.namespace does not exist for a Tenant, which belongs to no namespace: remove it',
      ],
    );
  });

  it('refuses what is no object at all', () => {
    assert.deepEqual(
      validateObject(crdOf('Tenant'), 'web').map(({ message }) => message),
      ['must be an object, but is the string "web"'],
    );
  });

  it('gives programs the way to the field', () => {
    const object = {
      apiVersion: 'quiver.dev/v1alpha1',
      kind: 'Service',
      metadata: { name: 'db' },
      spec: { ports: [{ protocol: 'ICMP' }, { protocol: 'TCP', port: 90, endPort: 80 }] },
    };
    assert.deepEqual(validateObject(crdOf('Service'), object)[0]?.segments, ['spec', 'ports', 1]);
  });
});

describe('the defaults of an object', () => {
  it('are filled in at every depth and leave what is given', () => {
    const object = {
      spec: { access: [{ tenant: 'a' }, { tenant: 'b', action: 'Deny' }], security: { encryption: 'Never' } },
    };
    const { spec } = withDefaults(crdOf('Service'), object) as { spec: Json };
    assert.deepEqual(spec, {
      access: [
        { tenant: 'a', action: 'Allow' },
        { tenant: 'b', action: 'Deny' },
      ],
      security: { encryption: 'Never', integrity: 'Metadata' },
      scope: 'Private',
      sourceAddress: 'Auto',
      path: { criterion: 'Cost', spread: 'Hunt', resiliency: 'None' },
      export: false,
    });
  });

  it('take the place of null', () => {
    const { spec } = withDefaults(crdOf('Service'), { spec: { scope: null } }) as { spec: { scope: Json } };
    assert.equal(spec.scope, 'Private');
  });

  it('leave the given object as it was', () => {
    const object = { spec: { access: [{ tenant: 'a' }] } };
    withDefaults(crdOf('Service'), object);
    assert.deepEqual(object, { spec: { access: [{ tenant: 'a' }] } });
  });
});
