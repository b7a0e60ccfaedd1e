import assert from 'node:assert/strict';
import { assertRuntime } from './runtime.ts';

describe('the runtime that asks clusters', () => {
  it('is a Node.js that can load the client', () => {
    for (const version of ['22.19.0', '22.20.1', '24.0.0']) assertRuntime(version);
    for (const version of ['20.20.2', '22.18.0'])
      assert.throws(() => assertRuntime(version), {
        message: new RegExp(`needs Node.js 22.19 or later, and this is ${version}`),
      });
  });
});
