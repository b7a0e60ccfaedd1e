import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../errors.ts';
import { conditionReasons } from './condition.ts';

const docs = join(import.meta.dirname, '../../docs');

function documented(file: string): Record<string, string> {
  const rows = readFileSync(join(docs, file), 'utf8').matchAll(/^\| `(\w+)` \| (.*) \|$/gm);
  return Object.fromEntries([...rows].map(([, name = '', meaning = '']) => [name, meaning]));
}

describe('documents of reasons and codes', () => {
  it('tell every condition reason, and none that does not exist', () => {
    assert.deepEqual(documented('condition-reasons.md'), conditionReasons);
  });

  it('tell every error code, and none that does not exist', () => {
    assert.deepEqual(documented('error-codes.md'), errorCodes);
  });

  it('names reasons as Kubernetes wants them', () => {
    for (const reason of Object.keys(conditionReasons)) assert.match(reason, /^[A-Z][A-Za-z0-9]{1,63}$/);
  });
});
