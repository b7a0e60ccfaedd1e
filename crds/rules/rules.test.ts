import assert from 'node:assert/strict';
import type { Schema } from '../../operator/src/schema/crd.ts';
import { applyDefaults, type Crd, type Json, loadCrds, validateObject } from '../../operator/src/schema/index.ts';
import { checkRules } from '../../operator/src/schema/rules.ts';
import type { Case } from './case.ts';
import { PEER_CASES } from './peer.cases.ts';
import { SERVICE_CASES } from './service.cases.ts';
import { SERVICE_ROUTE_CASES } from './serviceroute.cases.ts';
import { TENANT_CASES } from './tenant.cases.ts';

const CASES: Readonly<Record<string, readonly Case[]>> = {
  Tenant: TENANT_CASES,
  Service: SERVICE_CASES,
  ServiceRoute: SERVICE_ROUTE_CASES,
  Peer: PEER_CASES,
};

const crds = loadCrds();

function object(kind: string, name: string, spec: Json): Json {
  return { apiVersion: 'quiver.dev/v1alpha1', kind, metadata: { name }, spec };
}

/** A copy of the schema in which each rule's message is its place, so that one sees which rules broke. */
function markRules(schema: Schema, place: string, places: Set<string>): Schema {
  const copy: Record<string, unknown> = { ...schema };
  if (schema['x-kubernetes-validations'] !== undefined) {
    copy['x-kubernetes-validations'] = schema['x-kubernetes-validations'].map(({ rule }, index) => {
      const message = `${place}#${index}`;
      places.add(message);
      return { rule, message };
    });
  }
  if (schema.items !== undefined) copy['items'] = markRules(schema.items, `${place}[]`, places);
  if (schema.additionalProperties !== undefined) {
    copy['additionalProperties'] = markRules(schema.additionalProperties, `${place}{}`, places);
  }
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties);
    copy['properties'] = Object.fromEntries(
      members.map(([name, member]) => [name, markRules(member, `${place}.${name}`, places)]),
    );
  }
  return copy;
}

function previousOf(kind: string, { previous }: Case): Json | undefined {
  return previous === undefined ? undefined : object(kind, 'usual', previous);
}

function testCase(crd: Crd, one: Case): void {
  const { kind } = crd;
  const refused = validateObject(crd, object(kind, one.name ?? 'usual', one.refused), previousOf(kind, one));
  assert.ok(
    refused.some(({ message }) => message.includes(one.says)),
    `expected "${one.says}", got ${JSON.stringify(refused)}`,
  );
  const accepted = validateObject(crd, object(kind, 'usual', one.accepted), previousOf(kind, one));
  assert.deepEqual(accepted, [], 'the accepted counterpart has findings');
}

for (const [kind, cases] of Object.entries(CASES)) {
  const crd = crds.get(kind);
  assert.ok(crd !== undefined);
  describe(`the rules of ${kind}`, () => {
    for (const one of cases) {
      it(`refuse ${JSON.stringify(one.name ?? one.refused)} with "${one.says}"`, () => testCase(crd, one));
    }

    it('are each broken by at least one case', () => {
      const places = new Set<string>();
      const marked = markRules(crd.schema, kind, places);
      for (const one of cases) {
        const value = applyDefaults(crd.schema, object(kind, one.name ?? 'usual', one.refused));
        for (const { message } of checkRules(marked, value, [], previousOf(kind, one))) places.delete(message);
      }
      assert.deepEqual([...places], []);
    });

    it('name the field and end without a full stop', () => {
      const messages = JSON.stringify(crd.schema).matchAll(/"rule":"(?:[^"\\]|\\.)*","message":"((?:[^"\\]|\\.)*)"/g);
      for (const [, message = ''] of messages) assert.match(message, /^\S.{20,300}[^.]$/);
    });
  });
}
