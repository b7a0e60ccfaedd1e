import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { conditionReasons, loadCrds, parseRouterFile, validateObject } from '@quiver/operator';
import { parseAllDocuments } from 'yaml';
import { checks } from './cluster/diagnose/checks.ts';
import { runQuiver } from './testing/run-quiver.ts';

const root = join(import.meta.dirname, '../../..');
const pages = ['README.md', 'operator/cli/README.md', 'operator/docs/troubleshooting.md', 'operator/docs/vm.md'];
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** Reasons with which nothing is wrong. */
const good = new Set(['Accepted', 'PathUp', 'Programmed', 'Published', 'Ready', 'ResolvedRefs']);

describe('documents for users', () => {
  it('say what to do about every reason of a condition, and name none that does not exist', () => {
    const [, table = ''] = read('operator/docs/troubleshooting.md').split('## By reason of a condition');
    const [own = ''] = table.split('## By symptom');
    const named = [...own.matchAll(/^\| `(\w+)` \| \S.*\.[`*]* \|$/gm)].map(([, reason]) => reason);
    const wrong = Object.keys(conditionReasons).filter((reason) => !good.has(reason));
    assert.deepEqual(named, wrong.toSorted());
  });

  it('list every check of diagnose', () => {
    const rows = checks.map(({ name, about }) => `| \`${name}\` | ${about} |\n`).join('');
    const [, table = ''] = read('operator/docs/troubleshooting.md').split('| check | what it looks at |\n|---|---|\n');
    assert.equal(table, rows);
    assert.match(read('README.md'), new RegExp(`# ${checks.length} named checks`));
  });

  it('use commands and flags that exist', async () => {
    const lines = pages.flatMap((page) => [
      ...read(page).matchAll(/^(?:kubectl|npm run|node \S*?)[ /]quiver(?:\.mjs)? (?:-- )?(\S.*)$/gm),
    ]);
    assert.ok(lines.length > 10);
    for (const [line, command = ''] of lines) {
      const [name = ''] = command.split(' ');
      const { code, stdout } = await runQuiver([name, '--help']);
      assert.equal(code, 0, line);
      for (const [flag] of command.split(/ #| \| | > /)[0]?.matchAll(/(?<= )--?[a-z][a-z-]*/g) ?? [])
        assert.ok(stdout.includes(`${flag} `) || stdout.includes(`${flag},`), `${flag} of "${line}" does not exist`);
    }
  });

  it('link to what is there', () => {
    for (const page of pages) {
      const links = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
      const missing = links.filter((link) => !existsSync(join(root, dirname(page), link)));
      assert.deepEqual(missing, [], page);
    }
  });

  it('hold objects and a router file that are accepted', () => {
    const crds = loadCrds();
    const texts = [read('operator/docs/quickstart/a.yaml'), read('operator/docs/quickstart/b.yaml')];
    const blocks = [...read('operator/docs/vm.md').matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
    const objects = [...texts, ...blocks]
      .flatMap((text) =>
        parseAllDocuments(text).map((document) => document.toJS() as { apiVersion: string; kind: string }),
      )
      .filter(({ apiVersion }) => apiVersion === 'quiver.dev/v1alpha1');
    assert.equal(objects.length, 10);
    for (const object of objects) {
      const crd = crds.get(object.kind);
      assert.ok(crd !== undefined, object.kind);
      assert.deepEqual(validateObject(crd, object as never), []);
    }
    const router = blocks.find((text) => text.includes('kind: RouterConfig')) ?? '';
    assert.deepEqual(parseRouterFile('vm.md', router).problems, []);
  });
});
