import assert from 'node:assert/strict';
import { evaluateRule, isTransitionRule } from './cel.ts';

describe('a CEL rule', () => {
  it('gives no message when it holds', () => {
    assert.equal(evaluateRule({ rule: 'self.a < self.b', message: 'no' }, { self: { a: 1n, b: 2n } }), undefined);
  });

  it('gives its fixed message when the computed one cannot be computed', () => {
    const rule = { rule: 'false', message: 'fixed', messageExpression: 'self.missing' };
    assert.equal(evaluateRule(rule, { self: {} }), 'fixed');
  });

  it('says that it cannot be checked instead of holding by accident', () => {
    assert.match(
      evaluateRule({ rule: 'self.missing == 1', message: 'no' }, { self: {} }) ?? '',
      /^cannot be checked: /,
    );
  });

  it('fills values into its computed message in order', () => {
    const rule = { rule: 'false', message: 'no', messageExpression: "'%s is %d'.format([self.name, self.age])" };
    assert.equal(evaluateRule(rule, { self: { name: 'x', age: 7n } }), 'x is 7');
  });

  it('compares with the past only when it names the past', () => {
    assert.equal(isTransitionRule({ rule: 'self.a == oldSelf.a', message: '' }), true);
    assert.equal(isTransitionRule({ rule: 'self.oldSelfish == 1', message: '' }), false);
  });
});
