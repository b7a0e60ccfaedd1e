import assert from 'node:assert/strict';
import { CRD_FOLDER, loadCrds } from './index.ts';

describe('the definitions of a program', () => {
  it('are all that the folder has', () => {
    assert.deepEqual(loadCrds(), loadCrds(CRD_FOLDER));
  });
});
