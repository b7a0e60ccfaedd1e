import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseFieldPath } from './field-path.ts';
import { readYaml } from './yaml-documents.ts';

const yamlLike = fc
  .array(
    fc.constantFrom(
      'a: ',
      '- ',
      '\n',
      '  ',
      '---\n',
      '{',
      '}',
      '[',
      ']',
      '&x ',
      '*x',
      '|\n',
      '"',
      "'",
      '? ',
      '!!int ',
      '#',
      '\t',
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

describe('reading YAML with places', () => {
  const text = 'kind: A\n---\n# comment\n---\nkind: B\nspec:\n  list:\n  - {name: x}\n  - name: y\n    deep: [1, 2]\n';

  it('leaves out empty documents and counts lines over all of them', () => {
    const { documents, mistakes } = readYaml(text);
    assert.deepEqual(mistakes, []);
    assert.deepEqual(
      documents.map(({ lineOf }) => lineOf(['kind'])),
      [1, 5],
    );
  });

  it('finds the line of a key, of an item and of the nearest thing around a missing one', () => {
    const second = readYaml(text).documents[1];
    const line = (field: string) => second?.lineOf(parseFieldPath(field));
    assert.deepEqual(['spec', 'spec.list[0].name', 'spec.list[1]', 'spec.list[1].deep[1]'].map(line), [6, 8, 9, 10]);
    assert.deepEqual(['spec.list[1].absent', 'spec.list[7]', 'nowhere', ''].map(line), [9, 7, 5, 5]);
  });

  it('tells duplicate keys, unknown aliases and aliases without bounds', () => {
    assert.equal(readYaml('a: 1\na: 2\n').mistakes[0]?.line, 2);
    assert.equal(readYaml('a: *x\n').mistakes.length, 1);
    const bomb = [
      'a0: &a0 [x]',
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`),
    ];
    assert.match(readYaml(`${bomb.join('\n')}\n`).mistakes[0]?.message ?? '', /alias/);
  });

  it('never throws, whatever the text', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), yamlLike);
    fc.assert(fc.property(texts, (some) => assert.doesNotThrow(() => readYaml(some))));
  });

  it('reads field paths with indices and bracketed keys', () => {
    assert.deepEqual(parseFieldPath('spec.access[0].tenant'), ['spec', 'access', 0, 'tenant']);
    assert.deepEqual(parseFieldPath('metadata.labels[example.com/x]'), ['metadata', 'labels', 'example.com/x']);
    assert.deepEqual(parseFieldPath(''), []);
  });
});
