import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRouterFile } from './source/router-file.ts';
import { formatProblem } from './translate/problem.ts';

const folder = join(import.meta.dirname, '..');
const readme = readFileSync(join(folder, 'README.md'), 'utf8');

describe('readme of the operator', () => {
  const [example = ''] = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);

  it('shows a router file that is accepted, with the defaults that it names', () => {
    const { config, problems } = parseRouterFile('README.md', example);
    assert.deepEqual(problems.map(formatProblem), []);
    const [required = ''] = example.split('# Everything below');
    const defaults = parseRouterFile('README.md', required).config;
    assert.deepEqual({ ...config, operator: undefined }, { ...defaults, operator: undefined });
  });

  it('names files that are there', () => {
    const named = [...readme.matchAll(/`((?:src|docs|\.\.)\/[^`{}*<]+)`/g)].map(([, path = '']) => path);
    assert.ok(named.length > 5);
    assert.deepEqual(
      named.filter((path) => !existsSync(join(folder, path))),
      [],
    );
  });
});
