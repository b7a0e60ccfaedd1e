import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { fromUnknown, QuiverError } from './errors.ts';
import { jsonLogger, silentLogger } from './logger.ts';

describe('log lines', () => {
  it('are JSON with level, message and the fields of their component', () => {
    const stream = new PassThrough();
    const logger = jsonLogger('info', stream).with({ component: 'source' });
    logger.debug('not this');
    logger.info('reading', { file: 'a.yaml' });
    logger.warn('late');
    logger.error('failed', { code: 'X' });
    const lines = String(stream.read())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ level, msg, component, file, code }) => [level, msg, component, file, code]),
      [
        ['info', 'reading', 'source', 'a.yaml', undefined],
        ['warn', 'late', 'source', undefined, undefined],
        ['error', 'failed', 'source', undefined, 'X'],
      ],
    );
  });

  it('of a silent logger are nowhere', () => {
    assert.doesNotThrow(() => silentLogger().with({ a: 1 }).error('nothing'));
  });
});

describe('errors of the operator', () => {
  it('keep their code and get one when they had none', () => {
    const known = new QuiverError('ListenFailed', 'taken');
    assert.equal(fromUnknown(known, 'Unexpected'), known);
    const wrapped = fromUnknown(new Error('boom'), 'StatusUnwritable');
    assert.deepEqual(
      [wrapped.code, wrapped.message, (wrapped.cause as Error).message],
      ['StatusUnwritable', 'boom', 'boom'],
    );
    assert.equal(fromUnknown('text').message, 'text');
  });
});
