import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../setup/stage.ts';
import { MINIMUM, pick, render } from './render.ts';
import { describedValues, undescribedValues, valuesTable } from './values-table.ts';

const CHARTS = ['quiver', 'quiver-crds'];

function read(...path: readonly string[]): string {
  return readFileSync(join(ROOT, 'charts', ...path), 'utf8');
}

describe('the documents of the charts', () => {
  for (const chart of CHARTS) {
    it(`describe every value of ${chart}`, () => {
      assert.deepEqual(undescribedValues(read(chart, 'values.yaml')), []);
    });

    it(`name versions alike, with the chart of ${chart} and the project`, () => {
      const { version, appVersion } = parse(read(chart, 'Chart.yaml')) as Record<string, string>;
      const project = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
      assert.deepEqual({ version, appVersion }, { version: project.version, appVersion: project.version });
    });
  }

  it('hold a table of the values that can be set, with their defaults', () => {
    const readme = read('quiver', 'README.md');
    assert.ok(readme.includes(valuesTable(describedValues(read('quiver', 'values.yaml')))));
    assert.ok(readme.includes('| `cni.mode` | `"Chained"` | `Chained`: '));
  });

  it('name only values that exist', () => {
    const text = ['README.md', 'docs/alerts.md', 'templates/NOTES.txt'].map((file) => read('quiver', file)).join('\n');
    const values = parse(read('quiver', 'values.yaml')) as Record<string, unknown>;
    const named = [...text.matchAll(/`([a-zA-Z]+(?:\.[a-zA-Z]+)+)(?:=[^`]*)?`/g)].map(([, path = '']) => path);
    const ours = named.filter((path) => Object.hasOwn(values, path.split('.')[0] ?? ''));
    const reach = (path: string): unknown =>
      path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values);
    assert.ok(ours.length > 10);
    assert.deepEqual(
      ours.filter((path) => reach(path) === undefined),
      [],
    );
  });

  it('take a comment of several lines as one description, and tell a described map from its members', () => {
    const yaml = '# -- First\n# second.\na:\n  b: 1\n\nc:\n  # no description\n  d: [x]\n';
    assert.deepEqual(describedValues(yaml), [{ path: 'a', byDefault: '{"b":1}', description: 'First second.' }]);
    assert.deepEqual(undescribedValues(yaml), ['c.d']);
  });
});

describe('the definitions in the charts', () => {
  const source = globSync('*.yaml', { cwd: join(ROOT, 'crds') }).toSorted();

  for (const chart of CHARTS) {
    it(`of ${chart} are those of crds/, kept on uninstall`, async () => {
      const manifests = await render(chart === 'quiver' ? {} : { chart, values: {} });
      for (const file of source) {
        const wanted = parse(readFileSync(join(ROOT, 'crds', file), 'utf8')) as {
          metadata: { name: string };
          spec: object;
        };
        const found = pick(manifests, 'CustomResourceDefinition', wanted.metadata.name);
        assert.deepEqual(found['spec'], wanted.spec, file);
        assert.equal(found.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
      }
    });
  }

  it('are left out, or left to uninstall, when asked', async () => {
    const definitions = async (crds: object): Promise<unknown[]> =>
      (await render({ values: { ...MINIMUM, crds } }))
        .filter(({ kind }) => kind === 'CustomResourceDefinition')
        .map(({ metadata }) => metadata.annotations);
    assert.deepEqual(await definitions({ install: false }), []);
    assert.deepEqual(
      await definitions({ keep: false }),
      source.map(() => undefined),
    );
  });
});
