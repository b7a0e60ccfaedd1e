import assert from 'node:assert/strict';
import { didYouMean } from './did-you-mean.ts';

describe('the word that was probably meant', () => {
  const known = ['access', 'addresses', 'ports', 'scope'];

  it('has a letter missing, too many, wrong, or two exchanged', () => {
    for (const typo of ['acess', 'accesss', 'axcess', 'acecss', 'ACCESS'])
      assert.equal(didYouMean(typo, known), 'access');
  });

  it('is none of them when all are far away', () => {
    assert.equal(didYouMean('encryption', known), undefined);
    assert.equal(didYouMean('x', known), undefined);
  });
});
