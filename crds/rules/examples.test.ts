import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Schema } from '../../operator/src/schema/crd.ts';
import { applyDefaults, CRD_FOLDER, type Json, loadCrds, validateObject } from '../../operator/src/schema/index.ts';

const FOLDER = join(CRD_FOLDER, 'examples');
const crds = loadCrds();

interface Example {
  readonly file: string;
  readonly kind: string;
  readonly object: Json;
}

const examples: readonly Example[] = readdirSync(FOLDER).flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
    const object = document.toJS() as { readonly kind: string; readonly [key: string]: Json };
    return { file, kind: object.kind, object };
  }),
);

/** Every field of the spec, as a path without indices. */
function fieldsOf(schema: Schema, path: string): string[] {
  const { items, properties } = schema;
  if (items !== undefined) return fieldsOf(items, path);
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, member]) => fieldsOf(member, `${path}.${name}`));
}

function usedFields(value: Json, path: string): string[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((item) => usedFields(item, path));
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, member]) => usedFields(member, `${path}.${name}`))];
}

describe('the examples of the API', () => {
  for (const { file, kind, object } of examples) {
    it(`${file}: the ${kind} is accepted as it is`, () => {
      const crd = crds.get(kind);
      assert.ok(crd !== undefined, `${kind} is no kind of ours`);
      assert.deepEqual(validateObject(crd, object), []);
    });
  }

  it('show every field that a spec can have', () => {
    const used = new Set(
      examples.flatMap(({ kind, object }) => {
        const schema = crds.get(kind)?.schema ?? {};
        return usedFields(applyDefaults(schema, object), kind);
      }),
    );
    const shownElsewhere = [
      'Service.spec.path.sla.minMos',
      'ServiceRoute.spec.health.path',
      'ServiceRoute.spec.health.port',
    ];
    const missing = [...crds.values()].flatMap(({ kind, schema }) =>
      fieldsOf(schema.properties?.['spec'] ?? {}, `${kind}.spec`).filter((field) => !used.has(field)),
    );
    assert.deepEqual(missing.toSorted(), shownElsewhere);
  });
});

describe('the definitions of the API', () => {
  const visit = (schema: Schema, path: string, see: (schema: Schema, path: string) => void): void => {
    see(schema, path);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`, see);
    if (schema.additionalProperties !== undefined) visit(schema.additionalProperties, `${path}{}`, see);
    for (const [name, member] of Object.entries(schema.properties ?? {})) visit(member, `${path}.${name}`, see);
  };

  for (const { kind, schema } of crds.values()) {
    it(`describe every field of ${kind}`, () => {
      const silent: string[] = [];
      visit(schema, kind, (node, path) => {
        if (node.description === undefined && path !== `${kind}.metadata`) silent.push(path);
      });
      assert.deepEqual(silent, []);
    });

    it(`bound every string, list, map and number of ${kind}`, () => {
      const boundless: string[] = [];
      visit(schema, kind, (node, path) => {
        const isBounded =
          (node.type !== 'string' || node.enum !== undefined || node.maxLength !== undefined) &&
          (node.type !== 'array' || node.maxItems !== undefined) &&
          (node.type !== 'integer' || node.minimum !== undefined) &&
          (node.additionalProperties === undefined || node.maxProperties !== undefined);
        if (!isBounded) boundless.push(path);
      });
      assert.deepEqual(boundless, []);
    });

    it(`start a fresh ${kind} as not yet ready`, () => {
      const fresh = applyDefaults(schema, { spec: {} }) as { status: { conditions: readonly object[] } };
      assert.deepEqual(fresh.status.conditions, [
        {
          type: 'Ready',
          status: 'Unknown',
          reason: 'Pending',
          message: 'waiting for the operator',
          lastTransitionTime: '1970-01-01T00:00:00Z',
        },
      ]);
    });
  }
});
