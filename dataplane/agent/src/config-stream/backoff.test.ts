import assert from 'node:assert/strict';
import { Backoff } from './backoff.ts';

describe('waiting between attempts', () => {
  it('doubles up to a limit', () => {
    const backoff = new Backoff(() => 1);
    const waits = Array.from({ length: 9 }, () => backoff.next());
    assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
  });

  it('waits half as long at least, so that nodes spread', () => {
    const backoff = new Backoff(() => 0);
    assert.deepEqual([backoff.next(), backoff.next()], [100, 200]);
  });

  it('begins anew after a success', () => {
    const backoff = new Backoff(() => 1);
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 200);
  });
});
