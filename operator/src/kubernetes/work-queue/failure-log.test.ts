import assert from 'node:assert/strict';
import { silentLogger } from '../../logger.ts';
import { FailureLog } from './failure-log.ts';

describe('failures of work that is tried again', () => {
  it('are one line for each object and reason until they are over', () => {
    const lines: string[] = [];
    const line = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const failures = new FailureLog({ ...silentLogger(), warn: line, info: line });
    for (const reason of ['one', 'one', 'other']) failures.failed('not written', 'Service a', new Error(reason));
    failures.failed('not written', 'Service b', new Error('one'));
    failures.succeeded('Service a');
    failures.succeeded('Service a');
    failures.failed('not written', 'Service a', new Error('other'));
    assert.deepEqual(
      lines.map((text) => text.replace(/"code":"Unexpected",/, '')),
      [
        'not written {"object":"Service a","reason":"one"}',
        'not written {"object":"Service a","reason":"other"}',
        'not written {"object":"Service b","reason":"one"}',
        'written at last {"object":"Service a"}',
        'not written {"object":"Service a","reason":"other"}',
      ],
    );
  });
});
