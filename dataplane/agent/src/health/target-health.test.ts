import assert from 'node:assert/strict';
import { TargetHealth } from './target-health.ts';

describe('the health of a target', () => {
  it('is good until as many probes in a row failed as asked for', () => {
    const health = new TargetHealth({ failures: 3, successes: 1 });
    assert.deepEqual([health.note(false), health.note(false), health.isHealthy], [false, false, true]);
    assert.deepEqual([health.note(false), health.isHealthy], [true, false]);
  });

  it('is not touched by failures that are not in a row', () => {
    const health = new TargetHealth({ failures: 2, successes: 1 });
    for (const answer of [false, true, false, true, false]) health.note(answer);
    assert.equal(health.isHealthy, true);
  });

  it('comes back after as many successes as asked for', () => {
    const health = new TargetHealth({ failures: 1, successes: 2 });
    health.note(false);
    assert.deepEqual([health.note(true), health.isHealthy], [false, false]);
    assert.deepEqual([health.note(true), health.isHealthy], [true, true]);
  });

  it('changes at the first probe when no threshold is given', () => {
    const health = new TargetHealth({ failures: 0, successes: 0 });
    assert.equal(health.note(false), true);
    assert.equal(health.note(true), true);
  });
});
