import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Cidr, IpAddress } from './ip-address.ts';

describe('an IP address in text form', () => {
  for (const text of [
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '::g',
  ]) {
    it(`"${text}" is none`, () => assert.equal(IpAddress.parse(text), undefined));
  }

  it('is no IPv4 address in the clothes of IPv6, nor one with a zone', () => {
    for (const text of ['::ffff:c000:201', '::ffff:192.0.2.1', 'fe80::1%eth0']) {
      assert.equal(IpAddress.parse(text), undefined);
    }
  });

  for (const [text, canonical] of [
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['0:0:1:0:0:0:1:0', '0:0:1::1:0'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::', '::'],
    ['1::', '1::'],
    ['10.0.0.1', '10.0.0.1'],
  ] as const) {
    it(`${text} is written ${canonical}`, () => assert.equal(IpAddress.parse(text)?.toString(), canonical));
  }

  it('comes back from its canonical form as the same address', () => {
    const value = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).filter((one) => one >> 32n !== 0xffffn);
    fc.assert(
      fc.property(value, (bits) => IpAddress.parse(new IpAddress(6, bits).toString())?.value === bits),
      { seed: 1 },
    );
  });

  it('knows the special ranges of both families', () => {
    const is = (text: string) => {
      const ip = IpAddress.parse(text);
      assert.ok(ip !== undefined);
      return [ip.isUnspecified(), ip.isLoopback(), ip.isLinkLocalUnicast(), ip.isLinkLocalMulticast()]
        .map(Number)
        .join('');
    };
    assert.deepEqual(['0.0.0.0', '127.9.9.9', '169.254.1.1', '224.0.0.5', '192.0.2.1'].map(is), [
      '1000',
      '0100',
      '0010',
      '0001',
      '0000',
    ]);
    assert.deepEqual(['::', '::1', 'fe80::1', 'ff02::1', '2001:db8::1'].map(is), [
      '1000',
      '0100',
      '0010',
      '0001',
      '0000',
    ]);
  });
});

describe('a prefix in CIDR form', () => {
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', '::/129', '/8', '10.0.0.0/8/8']) {
    it(`"${text}" is none`, () => assert.equal(Cidr.parse(text), undefined));
  }

  it('contains narrower prefixes of its own family only', () => {
    const contains = (outer: string, inner: string) => {
      const [a, b] = [Cidr.parse(outer), Cidr.parse(inner)];
      assert.ok(a !== undefined && b !== undefined);
      return a.contains(b);
    };
    assert.equal(contains('10.0.0.0/8', '10.1.0.0/16'), true);
    assert.equal(contains('10.0.0.0/8', '10.0.0.0/8'), true);
    assert.equal(contains('10.1.0.0/16', '10.0.0.0/8'), false);
    assert.equal(contains('0.0.0.0/0', '::/0'), false);
    assert.equal(contains('::/0', '2001:db8::/32'), true);
  });

  it('loses the bits behind its length when it is masked', () => {
    assert.equal(Cidr.parse('198.51.100.77/26')?.masked().toString(), '198.51.100.64/26');
    assert.equal(Cidr.parse('2001:db8::1/32')?.masked().toString(), '2001:db8::/32');
  });
});
