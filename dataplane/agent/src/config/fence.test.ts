import assert from 'node:assert/strict';
import { Fence } from './fence.ts';

describe('the fence of versions and epochs', () => {
  it('takes growing versions of one epoch and the same one again', () => {
    const fence = new Fence();
    const verdicts = [1n, 2n, 2n, 5n].map((version) => fence.check({ epoch: 3n, version }));
    assert.deepEqual(verdicts, [undefined, undefined, undefined, undefined]);
  });

  it('refuses an older version of the same epoch', () => {
    const fence = new Fence();
    fence.check({ epoch: 3n, version: 4n });
    assert.equal(fence.check({ epoch: 3n, version: 3n })?.code, 'StaleVersion');
  });

  it('refuses an operator whose leadership is over', () => {
    const fence = new Fence();
    fence.check({ epoch: 3n, version: 1n });
    assert.equal(fence.check({ epoch: 2n, version: 9n })?.code, 'StaleEpoch');
  });

  it('lets a new leader begin its versions anew', () => {
    const fence = new Fence();
    fence.check({ epoch: 3n, version: 9n });
    assert.equal(fence.check({ epoch: 4n, version: 1n }), undefined);
  });

  it('remembers the epoch that the disk knows', () => {
    assert.equal(new Fence(5n).check({ epoch: 4n, version: 1n })?.code, 'StaleEpoch');
  });
});
