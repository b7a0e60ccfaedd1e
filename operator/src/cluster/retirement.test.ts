import assert from 'node:assert/strict';
import { retiredAnnotation } from '../kubernetes/lease/lease-record.ts';
import { isEverythingOff, missingAnnotation } from './retirement.ts';

describe('the retirement of a cluster', () => {
  it('is over when every node has answered, and not while an agent is away', () => {
    assert.equal(isEverythingOff({ [retiredAnnotation]: '2/2' }), true);
    assert.equal(isEverythingOff({ [retiredAnnotation]: '0/0' }), true);
    assert.equal(isEverythingOff({ [retiredAnnotation]: '1/2' }), false);
    assert.equal(isEverythingOff({ [retiredAnnotation]: '1/1', [missingAnnotation]: 'b2' }), false);
    assert.equal(isEverythingOff({ [retiredAnnotation]: '0/0', [missingAnnotation]: 'b1,b2' }), false);
    assert.equal(isEverythingOff({}), false);
  });
});
