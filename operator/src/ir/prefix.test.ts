import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  isExactPrefix,
  mergePrefixes,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  sizeOf,
  subtract,
  widthOf,
} from './prefix.ts';

const address = fc
  .constantFrom<Family>(4, 6)
  .chain((family) => fc.bigInt(0n, (1n << BigInt(widthOf(family))) - 1n).map((value) => ({ family, value })));

describe('addresses and prefixes', () => {
  it('reads back every address that it writes', () => {
    fc.assert(fc.property(address, (one) => assert.deepEqual(parseAddress(formatAddress(one)), one)));
  });

  it('writes addresses as RFC 5952 wants them', () => {
    const texts = [
      ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['::ffff:192.0.2.1', '::ffff:c000:201'],
      ['192.0.2.1', '192.0.2.1'],
    ];
    for (const [text = '', wanted] of texts) {
      const parsed = parseAddress(text);
      assert.ok(parsed !== undefined);
      assert.equal(formatAddress(parsed), wanted);
    }
  });

  it('refuses what is no address or no prefix', () => {
    for (const text of ['', '1.2.3', '1.2.3.4.5', 'fe80::1%eth0', 'db8', '01.2.3.4'])
      assert.equal(parseAddress(text), undefined);
    for (const text of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'x/8', '10.0.0.0/-1']) {
      assert.equal(parsePrefix(text), undefined);
    }
  });

  it('drops bits behind the length and tells when there were some', () => {
    assert.deepEqual(parsePrefix('10.1.2.3/8'), parsePrefix('10.0.0.0/8'));
    assert.equal(isExactPrefix('10.1.2.3/8'), false);
    assert.equal(isExactPrefix('10.0.0.0/8'), true);
    assert.equal(isExactPrefix('2001:db8::/64'), true);
  });

  it('finds that a prefix contains itself, its parts and nothing of another family', () => {
    const pairs: readonly (readonly [string, string, boolean])[] = [
      ['10.0.0.0/8', '10.255.0.0/16', true],
      ['10.0.0.0/8', '11.0.0.0/16', false],
      ['10.0.0.0/16', '10.0.0.0/8', false],
      ['0.0.0.0/0', '::/0', false],
      ['::/0', '2001:db8::/32', true],
    ];
    for (const [outer, inner, wanted] of pairs) {
      const [one, other] = [parsePrefix(outer), parsePrefix(inner)];
      assert.ok(one !== undefined && other !== undefined);
      assert.equal(contains(one, other), wanted, `${outer} ${inner}`);
      assert.equal(overlaps(one, other), overlaps(other, one));
    }
  });

  it('counts and writes the addresses of a prefix', () => {
    const prefix = parsePrefix('198.18.0.7');
    assert.ok(prefix !== undefined);
    assert.equal(sizeOf(prefix), 1n);
    assert.equal(formatPrefix(prefix), '198.18.0.7/32');
  });
});

// Few different prefixes, so that they meet often.
const close = fc
  .record({ family: fc.constantFrom<Family>(4, 6), bits: fc.bigInt(0n, 63n), length: fc.integer({ min: 0, max: 6 }) })
  .map(({ family, bits, length }): Prefix => {
    const shift = BigInt(widthOf(family) - 6);
    const parsed = parsePrefix(`${formatAddress({ family, value: bits << shift })}/${length}`);
    assert.ok(parsed !== undefined);
    return parsed;
  });
const several = fc.array(close, { maxLength: 12 });

function isIn(prefixes: readonly Prefix[], host: Prefix): boolean {
  return prefixes.some((prefix) => contains(prefix, host));
}

/** Every place of the first six bits, in both families. */
const places = ([4, 6] as const).flatMap((family) =>
  Array.from({ length: 64 }, (_, index): Prefix => {
    return { family, base: BigInt(index) << BigInt(widthOf(family) - 6), length: 6 };
  }),
);

describe('sets of prefixes', () => {
  it('joined they hold the same addresses, in prefixes that neither meet nor touch', () => {
    fc.assert(
      fc.property(several, (prefixes) => {
        const merged = mergePrefixes(prefixes);
        for (const place of places) assert.equal(isIn(merged, place), isIn(prefixes, place));
        assert.deepEqual(mergePrefixes(merged), merged);
        const meeting = merged.filter((one) => merged.some((other) => one !== other && overlaps(one, other)));
        assert.deepEqual(meeting, []);
      }),
    );
  });

  it('without others a prefix holds what none of them holds', () => {
    fc.assert(
      fc.property(close, several, (prefix, holes) => {
        const rest = subtract(prefix, holes);
        for (const place of places) {
          assert.equal(isIn(rest, place), contains(prefix, place) && !isIn(holes, place));
        }
      }),
    );
  });
});
