import assert from 'node:assert/strict';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Coalescer } from './coalescer.ts';

describe('coalescing of changes', () => {
  let clock: FakeClock;
  let runs: number[];
  let coalescer: Coalescer;

  beforeEach(() => {
    clock = new FakeClock();
    const start = clock.now();
    runs = [];
    coalescer = new Coalescer({ clock, quiet: 20, atMost: 100, run: () => runs.push(clock.now() - start) });
  });

  it('runs once it is quiet', () => {
    coalescer.call();
    clock.advance(15);
    coalescer.call();
    clock.advance(1_000);
    assert.deepEqual(runs, [35]);
  });

  it('does not wait for quiet for ever', () => {
    for (let time = 0; time < 250; time += 10) {
      coalescer.call();
      clock.advance(10);
    }
    clock.advance(1_000);
    assert.deepEqual(runs, [100, 200, 260]);
  });

  it('runs no more after it was cancelled, until it is called again', () => {
    coalescer.call();
    coalescer.cancel();
    clock.advance(1_000);
    assert.deepEqual(runs, []);
    coalescer.call();
    clock.advance(1_000);
    assert.deepEqual(runs, [1_020]);
  });
});
