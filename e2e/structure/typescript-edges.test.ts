import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Import, importsOf, importsUnder, ROOT } from './imports.ts';

interface PureFolder {
  readonly folder: string;
  /** Folders, files or packages; everything else is forbidden. */
  readonly mayImport: readonly string[];
  readonly why: string;
}

interface ForbiddenEdge {
  readonly from: string;
  readonly to: readonly string[];
  readonly why: string;
}

const PURE: readonly PureFolder[] = [
  {
    folder: 'operator/src/ir',
    mayImport: ['operator/src/ir', 'operator/src/errors.ts', 'node:crypto', 'node:net'],
    why: 'The IR is a language of its own: it knows neither the API that it is made from nor the messages made from it.',
  },
  {
    folder: 'operator/src/translate',
    mayImport: [
      'operator/src/translate',
      'operator/src/ir',
      'operator/src/api',
      'operator/src/errors.ts',
      'node:crypto',
      'node:net',
    ],
    why: 'Desired state is a pure function of the resources: no client, clock, file, log or chance may change it.',
  },
  {
    folder: 'operator/src/project',
    mayImport: [
      'operator/src/project',
      'operator/src/ir',
      'operator/src/api',
      'operator/src/errors.ts',
      '@quiver/dataplane-api',
      'node:crypto',
      'node:net',
    ],
    why: 'What a node gets follows from the IR alone, so that equal input gives equal bytes.',
  },
  {
    folder: 'operator/src/conditions',
    mayImport: [
      'operator/src/conditions',
      'operator/src/translate',
      'operator/src/project',
      'operator/src/ir',
      'operator/src/api',
      'operator/src/errors.ts',
      '@quiver/dataplane-api',
    ],
    why: 'Conditions are computed from problems and reports; when and where they are written is decided elsewhere.',
  },
  {
    folder: 'operator/src/dns',
    mayImport: ['operator/src/dns', 'operator/src/translate', 'operator/src/ir', 'operator/src/api'],
    why: 'What should exist for a name follows from the IR; reading and writing objects happens elsewhere.',
  },
  {
    folder: 'operator/src/schema',
    mayImport: ['operator/src/schema', 'yaml', '@marcbachmann/cel-js', 'node:fs', 'node:path', 'node:url'],
    why: 'The validator must work offline and before anything of the operator runs; it reads the definitions and nothing else.',
  },
  {
    folder: 'dataplane/api/src',
    mayImport: ['dataplane/api/src', '@bufbuild/protobuf', '@grpc/grpc-js'],
    why: 'The contract belongs to both sides and therefore knows none of them.',
  },
];

const FORBIDDEN: readonly ForbiddenEdge[] = [
  {
    from: 'dataplane/agent',
    to: ['operator', '@quiver/operator', '@quiver/cli', '@kubernetes/client-node'],
    why: 'The agent runs on every node with what it is given: a copy of the operator there would be another brain.',
  },
  {
    from: 'dataplane/engine',
    to: ['operator', 'dataplane/agent', '@quiver/operator', '@quiver/agent', '@quiver/cli', '@grpc/grpc-js'],
    why: 'The package of the engine passes bytes to the addon and back, nothing more.',
  },
  {
    from: 'operator/src',
    to: ['dataplane/agent', 'dataplane/engine', 'operator/cli', '@quiver/agent', '@quiver/engine', '@quiver/cli'],
    why: 'The operator must run where no engine can be loaded; the command line joins the two in standalone mode.',
  },
  {
    from: 'crds',
    to: ['dataplane', 'e2e', '@quiver/dataplane-api'],
    why: 'The API is the source; it does not depend on what is made of it.',
  },
];

function isInside(target: string, place: string): boolean {
  return target === place || target.startsWith(`${place}/`);
}

function show(edges: readonly Import[]): string[] {
  return edges.map(({ file, target }) => `${file} imports ${target}`);
}

describe('who may import what in TypeScript', () => {
  for (const { folder, mayImport, why } of PURE) {
    it(`${folder} imports nothing but ${mayImport.join(', ')}`, () => {
      const imports = importsUnder(folder);
      assert.ok(imports.length > 0, `${folder} has no source any more: correct this list`);
      const wrong = imports.filter(({ target }) => !mayImport.some((place) => isInside(target, place)));
      assert.deepEqual(show(wrong), [], why);
    });
  }

  for (const { from, to, why } of FORBIDDEN) {
    it(`${from} never imports ${to.join(', ')}`, () => {
      assert.ok(existsSync(join(ROOT, from)), `${from} does not exist any more: correct this list`);
      const wrong = importsUnder(from).filter(({ target }) => to.some((place) => isInside(target, place)));
      assert.deepEqual(show(wrong), [], why);
    });
  }

  it('nothing of the operator calls the API server but by the client that checks permissions', () => {
    const libraries = new Set(['@kubernetes/client-node', 'undici']);
    const calls = importsUnder('operator/src').filter(({ target }) => libraries.has(target));
    const wrong = calls.filter(({ file }) => !isInside(file, 'operator/src/kubernetes/client'));
    assert.ok(calls.length > 0, 'the client has moved: correct this rule');
    assert.deepEqual(show(wrong), [], 'A call past the client needs a right that nobody declared.');
  });

  it('every allowed folder and file still exists', () => {
    const places = PURE.flatMap(({ mayImport }) => mayImport).filter((place) => place.startsWith('operator/'));
    assert.deepEqual(
      places.filter((place) => !existsSync(join(ROOT, place))),
      [],
    );
  });

  it('sees every form of import that a file can have', () => {
    const text = `import type { A } from './a.ts';
import b, { c } from "../other/b.ts";
import './side-effect.ts';
export * from '@scope/name/deep';
const later = await import('node:fs');
import {
  many,
} from 'yaml';`;
    assert.deepEqual(
      importsOf('x/y/file.ts', text).map(({ target }) => target),
      ['x/y/a.ts', 'x/other/b.ts', 'x/y/side-effect.ts', '@scope/name', 'node:fs', 'yaml'],
    );
  });
});
