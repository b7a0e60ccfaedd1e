import assert from 'node:assert/strict';
import { selects } from './selector.ts';

const labels = { app: 'web', tier: 'front', empty: '' };

describe('label selectors', () => {
  it('an empty one selects everything', () => {
    assert.equal(selects({}, {}), true);
    assert.equal(selects({ matchLabels: {}, matchExpressions: [] }, labels), true);
  });

  it('all of the labels and expressions must hold', () => {
    assert.equal(selects({ matchLabels: { app: 'web', tier: 'front' } }, labels), true);
    assert.equal(selects({ matchLabels: { app: 'web', tier: 'back' } }, labels), false);
    const front = { key: 'tier', operator: 'In', values: ['front'] } as const;
    assert.equal(selects({ matchLabels: { app: 'web' }, matchExpressions: [front] }, labels), true);
    assert.equal(selects({ matchLabels: { app: 'db' }, matchExpressions: [front] }, labels), false);
  });

  const cases = [
    { key: 'app', operator: 'In', values: ['db', 'web'], holds: true },
    { key: 'app', operator: 'In', values: ['db'], holds: false },
    { key: 'none', operator: 'In', values: [''], holds: false },
    { key: 'empty', operator: 'In', values: [''], holds: true },
    { key: 'app', operator: 'NotIn', values: ['web'], holds: false },
    { key: 'app', operator: 'NotIn', values: ['db'], holds: true },
    { key: 'none', operator: 'NotIn', values: ['web'], holds: true },
    { key: 'empty', operator: 'Exists', values: undefined, holds: true },
    { key: 'none', operator: 'Exists', values: undefined, holds: false },
    { key: 'none', operator: 'DoesNotExist', values: undefined, holds: true },
    { key: 'app', operator: 'DoesNotExist', values: undefined, holds: false },
  ] as const;
  for (const { holds, values, ...expression } of cases) {
    it(`${expression.key} ${expression.operator} ${values?.join(' ') ?? ''} is ${holds}`, () => {
      const matchExpressions = [values === undefined ? expression : { ...expression, values }];
      assert.equal(selects({ matchExpressions }, labels), holds);
    });
  }

  it('a label named like a property of every object is a label like others', () => {
    assert.equal(selects({ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}), false);
    assert.equal(selects({ matchExpressions: [{ key: 'toString', operator: 'DoesNotExist' }] }, {}), true);
  });
});
