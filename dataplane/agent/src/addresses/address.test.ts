import assert from 'node:assert/strict';
import { addressAt, canonicalAddress, holds, hostPrefix, parsePrefix } from './address.ts';

describe('addresses', () => {
  it('are written in one way', () => {
    const texts = ['10.244.1.4', '2001:DB8:0::0:1', '::ffff:10.0.0.1', '010.1.1.1', 'fe80::1%eth0', 'web', ''];
    assert.deepEqual(texts.map(canonicalAddress), [
      '10.244.1.4',
      '2001:db8::1',
      '::ffff:10.0.0.1',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('have a prefix of their own', () => {
    assert.deepEqual(['10.0.0.1', '2001:db8::1'].map(hostPrefix), ['10.0.0.1/32', '2001:db8::1/128']);
  });

  it('are counted within a prefix of either family', () => {
    const v4 = parsePrefix('10.244.1.77/24');
    assert.ok(v4);
    assert.equal(v4.size, 256n);
    assert.deepEqual([addressAt(v4, 0n), addressAt(v4, 255n)], ['10.244.1.0', '10.244.1.255']);
    const v6 = parsePrefix('2001:db8:0:5::/64');
    assert.ok(v6);
    assert.deepEqual([addressAt(v6, 0n), addressAt(v6, 0x1_0002n)], ['2001:db8:0:5::', '2001:db8:0:5::1:2']);
    assert.deepEqual(
      ['10.244.1.9', '10.244.2.0', '2001:db8:0:5:ffff::1', '2001:db8:0:6::'].map(
        (one) => holds(v4, one) || holds(v6, one),
      ),
      [true, false, true, false],
    );
  });

  it('know what is no prefix', () => {
    const texts = ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', 'x/8', '/8'];
    assert.deepEqual(
      texts.map(parsePrefix),
      texts.map(() => undefined),
    );
  });

  it('holds every address of the whole range', () => {
    const all = parsePrefix('::/0');
    assert.ok(all !== undefined && holds(all, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff') && holds(all, '::'));
  });
});
