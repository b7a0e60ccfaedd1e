import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contains, formatPrefix, type Prefix, truncate } from './prefix.ts';
import { PrefixIndex } from './prefix-index.ts';

const prefix: fc.Arbitrary<Prefix> = fc
  .record({ base: fc.bigInt(0n, 0xffn), length: fc.integer({ min: 20, max: 32 }) })
  .map(({ base, length }) => truncate({ family: 4, base: (10n << 24n) | base, length: 32 }, length));

describe('things filed under prefixes', () => {
  it('are found by every prefix inside, as a search through all would find them', () => {
    fc.assert(
      fc.property(fc.array(prefix), prefix, (filed, wanted) => {
        const index = new PrefixIndex<Prefix>();
        for (const one of filed) index.add(one, one);
        const expected = filed.filter((one) => contains(one, wanted)).map(formatPrefix);
        assert.deepEqual(index.around(wanted).map(formatPrefix).toSorted(), expected.toSorted());
        assert.equal(index.at(wanted).length, filed.filter((one) => formatPrefix(one) === formatPrefix(wanted)).length);
        assert.equal([...index].length, filed.length);
      }),
    );
  });

  it('are not found under an equal number of another family', () => {
    const index = new PrefixIndex<string>();
    index.add({ family: 4, base: 0n, length: 0 }, 'every IPv4 address');
    assert.deepEqual(index.around({ family: 6, base: 1n, length: 128 }), []);
  });
});
