import assert from 'node:assert/strict';
import { bytes, duration, endpoint, parseDuration, protocol } from './quantity.ts';

describe('quantities for people', () => {
  it('are durations of two units at most', () => {
    const shown = [0, 900, 12_000, 192_000, 3_600_000, 18_240_000, 90_061_000].map(duration);
    assert.deepEqual(shown, ['0s', '0s', '12s', '3m12s', '1h', '5h4m', '1d1h']);
  });

  it('are bytes in binary units', () => {
    assert.deepEqual([0, 512, 1_536, 20_971_520, 5_368_709_120].map(bytes), ['0', '512', '1.5Ki', '20Mi', '5Gi']);
  });

  it('are endpoints with IPv6 in brackets', () => {
    const shown = [undefined, { address: '192.0.2.1', port: 0 }, { address: '192.0.2.1', port: 80 }].map(endpoint);
    assert.deepEqual(shown, ['', '192.0.2.1', '192.0.2.1:80']);
    assert.equal(endpoint({ address: '2001:db8::1', port: 80 }), '[2001:db8::1]:80');
  });

  it('are names of protocols where there are any', () => {
    assert.deepEqual([1, 6, 17, 58, 47].map(protocol), ['ICMP', 'TCP', 'UDP', 'ICMPv6', '47']);
  });

  it('are read with and without a unit', () => {
    const read = ['20s', '500ms', '1.5m', '1h', '7', 'soon', '-1s'].map(parseDuration);
    assert.deepEqual(read, [20_000, 500, 90_000, 3_600_000, 7_000, undefined, undefined]);
  });
});
