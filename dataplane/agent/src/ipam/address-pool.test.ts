import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addressAt, parsePrefix } from '../addresses/address.ts';
import { silentLogger } from '../logger.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { AddressPool } from './address-pool.ts';

describe('the addresses of a node', () => {
  const folder = scratchFolder();

  async function make(): Promise<AddressPool> {
    const pool = new AddressPool(folder(), silentLogger());
    await pool.load();
    return pool;
  }

  it('are given one of each family, none twice', async () => {
    const pool = await make();
    const used: string[] = [];
    for (let pods = 0; pods < 3; pods += 1) used.push(...pool.take(['10.244.1.0/24', 'fd00:1::/64'], used));
    assert.deepEqual(used, ['10.244.1.1', 'fd00:1::1', '10.244.1.2', 'fd00:1::2', '10.244.1.3', 'fd00:1::3']);
  });

  it('never are the network or the broadcast, and all others are', async () => {
    const pool = await make();
    const used: string[] = [];
    for (let pods = 0; pods < 6; pods += 1) used.push(...pool.take(['192.0.2.8/29'], used));
    assert.deepEqual(used.toSorted(), [
      '192.0.2.10',
      '192.0.2.11',
      '192.0.2.12',
      '192.0.2.13',
      '192.0.2.14',
      '192.0.2.9',
    ]);
    assert.throws(() => pool.take(['192.0.2.8/29'], used), {
      code: 'NoFreeAddress',
      message: /^all 6 addresses of 192\.0\.2\.8\/29 are in use.*larger pod CIDR/,
    });
    assert.equal(pool.free(['192.0.2.8/29'], used), 0);
    assert.equal(pool.free(['192.0.2.8/29'], []), 6);
  });

  it('come again only when all others had their turn, also after a restart', async () => {
    const pool = await make();
    const [freed] = pool.take(['192.0.2.8/29'], []);
    await pool.save();
    const later = await make();
    const next = Array.from({ length: 6 }, () => later.take(['192.0.2.8/29'], [])[0]);
    assert.equal(next.indexOf(freed), 5);
  });

  it('are not those that the API server knows of others, however they are written', async () => {
    const pool = await make();
    assert.deepEqual(pool.take(['fd00:1::/64'], ['FD00:1:0::1']), ['fd00:1::2']);
  });

  it('of one family alone are not used up by a failure of the other', async () => {
    const pool = await make();
    assert.throws(() => pool.take(['10.244.1.0/24', '192.0.2.1/32'], ['192.0.2.1']), { code: 'NoFreeAddress' });
    assert.deepEqual(pool.take(['10.244.1.0/24'], []), ['10.244.1.1']);
    assert.throws(() => pool.take(['10.244.1.0'], []), {
      code: 'NoFreeAddress',
      message: /10\.244\.1\.0 is no prefix/,
    });
  });

  it('are found quickly in a large prefix that is full', async () => {
    const pool = await make();
    const prefix = parsePrefix('fd00:1::/64');
    assert.ok(prefix);
    const used = Array.from({ length: 65_536 }, (_, index) => addressAt(prefix, BigInt(index + 1)));
    assert.throws(() => pool.take(['fd00:1::/64'], used), /all 65536 addresses/);
  });

  it('begin anew when the file is damaged, and leave nothing when removed', async () => {
    await writeFile(join(folder(), 'address-pool.json'), '{"next": {"10.0.0.0/8": -1}}');
    const pool = await make();
    assert.deepEqual(pool.take(['10.0.0.0/8'], []), ['10.0.0.1']);
    await pool.save();
    await pool.remove();
    assert.deepEqual(await readdir(folder()), []);
  });
});
