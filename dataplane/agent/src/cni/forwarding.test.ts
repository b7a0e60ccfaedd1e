import assert from 'node:assert/strict';
import { whyNotForwarding } from './forwarding.ts';

describe('whether a node forwards', () => {
  const kernel = (values: Readonly<Record<string, string>>) => (path: string) => Promise.resolve(values[path]);
  const v4 = '/proc/sys/net/ipv4/ip_forward';
  const v6 = '/proc/sys/net/ipv6/conf/all/forwarding';

  it('is asked of the families that its pods have', async () => {
    const off = kernel({ [v4]: '0\n', [v6]: '0\n' });
    assert.match(await whyNotForwarding(['10.244.1.0/24'], off), /set net\.ipv4\.ip_forward=1/);
    assert.match(await whyNotForwarding(['fd00::/64'], off), /set net\.ipv6\.conf\.all\.forwarding=1/);
    assert.equal(await whyNotForwarding([], off), '');
    const mixed = kernel({ [v4]: '1\n', [v6]: '0\n' });
    assert.equal(await whyNotForwarding(['10.244.1.0/24'], mixed), '');
    assert.match(await whyNotForwarding(['10.244.1.0/24', 'fd00::/64'], mixed), /ipv6/);
  });

  it('is not doubted where the kernel has no such setting', async () => {
    assert.equal(await whyNotForwarding(['fd00::/64'], kernel({})), '');
  });
});
