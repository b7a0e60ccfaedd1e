import assert from 'node:assert/strict';
import { FakeClock } from '../../testing/fake-clock.ts';
import { KeyedQueue, type KeyedQueueDeps } from './keyed-queue.ts';

/** Work that ends when the test says so. */
class Works {
  readonly begun: string[] = [];
  readonly #open = new Map<string, (failure?: Error) => void>();

  readonly work = (key: string): Promise<void> => {
    this.begun.push(key);
    return new Promise((resolve, reject) => {
      this.#open.set(key, (failure) => (failure === undefined ? resolve() : reject(failure)));
    });
  };

  async end(key: string, failure?: Error): Promise<void> {
    await soon();
    const end = this.#open.get(key);
    assert.ok(end, `${key} is not worked on`);
    this.#open.delete(key);
    end(failure);
    await soon();
  }
}

/** After what was ready to run has run. */
async function soon(): Promise<void> {
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
}

describe('keyed queue', () => {
  let clock: FakeClock;
  let works: Works;
  let errors: string[];

  function queueOf(deps: Partial<KeyedQueueDeps> = {}): KeyedQueue {
    const onError = (key: string, caught: unknown, wait: number): unknown =>
      errors.push(`${key} ${String(caught)} ${wait}`);
    return new KeyedQueue({ concurrency: 2, work: works.work, onError, clock, random: () => 1, ...deps });
  }

  beforeEach(() => {
    clock = new FakeClock();
    works = new Works();
    errors = [];
  });

  it('works once on a key that was added several times', async () => {
    const queue = queueOf();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    await soon();
    assert.deepEqual(works.begun, ['a', 'b']);
  });

  it('works again on a key that was added meanwhile, never twice at once', async () => {
    const queue = queueOf();
    queue.add('a');
    await soon();
    queue.add('a');
    queue.add('a');
    await soon();
    assert.deepEqual(works.begun, ['a']);
    await works.end('a');
    assert.deepEqual(works.begun, ['a', 'a']);
    await works.end('a');
    assert.deepEqual([works.begun.length, queue.depth], [2, 0]);
  });

  it('works on so many keys at once and no more', async () => {
    const queue = queueOf();
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await soon();
    assert.deepEqual([works.begun, queue.depth], [['a', 'b'], 4]);
    await works.end('b');
    assert.deepEqual(works.begun, ['a', 'b', 'c']);
  });

  it('brings a failed key again, later each time, until it succeeds', async () => {
    const queue = queueOf();
    queue.add('a');
    for (const wait of [5, 10, 20, 40]) {
      await works.end('a', new Error('no'));
      assert.deepEqual([errors.at(-1), queue.failing, queue.depth], [`a Error: no ${wait}`, 1, 0]);
      clock.advance(wait - 1);
      await soon();
      const { length } = works.begun;
      clock.advance(1);
      await soon();
      assert.equal(works.begun.length, length + 1);
    }
    await works.end('a');
    assert.equal(queue.failing, 0);
    queue.add('a');
    await works.end('a', new Error('again'));
    assert.equal(errors.at(-1), 'a Error: again 5');
  });

  it('waits a thousand seconds at most', async () => {
    const queue = queueOf({ work: () => Promise.reject(new Error('never')) });
    queue.add('a');
    for (let count = 0; count < 40; count += 1) {
      await soon();
      clock.advance(1_000_000);
    }
    await soon();
    assert.equal(errors.at(-1), 'a Error: never 1000000');
  });

  it('works at once on a failed key that changes', async () => {
    const queue = queueOf();
    queue.add('a');
    await works.end('a', new Error('no'));
    queue.add('a');
    await soon();
    assert.equal(works.begun.length, 2);
    await works.end('a');
    clock.advance(1_000);
    await soon();
    assert.equal(works.begun.length, 2);
  });

  it('takes the earliest of several times', async () => {
    const queue = queueOf();
    for (const afterMs of [500, 200, 900]) queue.add('a', { afterMs });
    clock.advance(199);
    await soon();
    assert.deepEqual(works.begun, []);
    clock.advance(1);
    await works.end('a');
    clock.advance(1_000);
    await soon();
    assert.deepEqual(works.begun, ['a']);
  });

  it('goes on with other keys when one throws at once', async () => {
    const done: string[] = [];
    const queue = queueOf({
      work: (key) => {
        if (key === 'bad') throw new Error('thrown');
        done.push(key);
        return Promise.resolve();
      },
    });
    for (const key of ['bad', 'good']) queue.add(key);
    await queue.drain();
    assert.deepEqual([done, errors], [['good'], ['bad Error: thrown 5']]);
  });

  it('ends with the work under way and takes nothing more', async () => {
    let wasTold = false;
    const queue = queueOf({
      work: (key, signal) => {
        signal.addEventListener('abort', () => (wasTold = true));
        return works.work(key);
      },
    });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.add('later', { afterMs: 10 });
    await soon();
    let isClosed = false;
    const closing = queue.close().then(() => (isClosed = true));
    queue.add('d');
    clock.advance(100);
    await works.end('a');
    assert.deepEqual([isClosed, wasTold], [false, true]);
    await works.end('b', new Error('ended'));
    await closing;
    assert.deepEqual([works.begun, errors], [['a', 'b'], []]);
  });
});
