import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateTypes } from './generate-types.ts';

const DEFINITION = `
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Service, plural: services, shortNames: [es]}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        description: A thing.
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [name]
            properties:
              name: {description: How it is called., type: string}
              mode: {type: string, enum: [Fast, Slow], default: Fast}
              ports:
                type: array
                items: {x-kubernetes-int-or-string: true}
              entries:
                type: array
                items:
                  type: object
                  properties:
                    weight: {type: integer}
              labels:
                type: object
                additionalProperties: {type: string}
              isOpen: {type: boolean}
          status:
            type: object
            properties:
              conditions:
                type: array
                items:
                  type: object
                  required: [type]
                  properties:
                    type: {type: string}
`;

const EXPECTED = `export interface ServiceSpec {
  /** How it is called. */
  readonly name: string;
  readonly mode: 'Fast' | 'Slow';
  readonly ports?: readonly (number | string)[];
  readonly entries?: readonly ServiceSpecEntry[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly isOpen?: boolean;
}

export interface ServiceSpecEntry {
  readonly weight?: number;
}

export interface ServiceStatus {
  readonly conditions?: readonly Condition[];
}
`;

describe('the types generated from a definition', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-types-'));
  let files = new Map<string, string>();

  before(() => {
    writeFileSync(join(folder, 'services.yaml'), DEFINITION);
    files = generateTypes(folder);
  });

  after(() => rmSync(folder, { recursive: true }));

  it('are one file per kind and two that all share', () => {
    assert.deepEqual([...files.keys()].toSorted(), ['kinds.gen.ts', 'object.gen.ts', 'service.gen.ts']);
  });

  it('hold a field for certain when it is required or has a default', () => {
    assert.ok(files.get('service.gen.ts')?.endsWith(EXPECTED), files.get('service.gen.ts'));
  });

  it('call a Service of ours by another name than that of Kubernetes', () => {
    assert.match(
      files.get('service.gen.ts') ?? '',
      /export interface SvrService \{\n {2}readonly apiVersion: 'example.com\/v1';/,
    );
  });

  it('share the condition and list the kinds', () => {
    assert.match(files.get('object.gen.ts') ?? '', /export interface Condition \{\n {2}readonly type: string;\n\}/);
    assert.match(
      files.get('kinds.gen.ts') ?? '',
      /Service: \{ kind: 'Service', plural: 'services', shortName: 'es', scope: 'Namespaced' \}/,
    );
  });
});
