import assert from 'node:assert/strict';
import { FakeClock } from '../testing/fake-clock.ts';
import { EnrolmentRefused } from './enrolment-refused.ts';
import { TokenReviews } from './token-review.ts';

const owner = { username: 'agent', podUid: 'pod', nodeName: 'node1' };
const settings = { maxInFlight: 2, maxWaiting: 2, rememberMilliseconds: 10_000, maxRemembered: 3 };

describe('questions about tokens', () => {
  it('are never more than a few at the same time; the rest wait, and what is too much is refused', async () => {
    const open: (() => void)[] = [];
    let inFlight = 0;
    let most = 0;
    const review = async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise<void>((resolve) => open.push(resolve));
      inFlight -= 1;
      return owner;
    };
    const reviews = new TokenReviews({ review }, new FakeClock(), settings);
    const asked = ['a', 'b', 'c', 'd'].map((token) => reviews.ownerOf(token));
    await assert.rejects(
      reviews.ownerOf('e'),
      (error: unknown) => error instanceof EnrolmentRefused && error.reason === 'Busy',
    );
    for (let answered = 0; answered < 4; answered += 1) {
      while (open.length === 0) await Promise.resolve();
      open.shift()?.();
    }
    assert.deepEqual(await Promise.all(asked), [owner, owner, owner, owner]);
    assert.equal(most, 2);
  });

  it('are remembered within bounds', async () => {
    const asked: string[] = [];
    const review = (token: string) => {
      asked.push(token);
      return Promise.resolve(undefined);
    };
    const reviews = new TokenReviews({ review }, new FakeClock(), settings);
    for (const token of ['a', 'b', 'c', 'd', 'd', 'a']) await reviews.ownerOf(token);
    assert.deepEqual(asked, ['a', 'b', 'c', 'd', 'a']);
  });
});
