import assert from 'node:assert/strict';
import { join } from 'node:path';
import { buildEngine, engineBuildTime } from '../harness/engine-build.ts';
import { Namespace } from '../harness/namespace.ts';
import { repository } from '../harness/router.ts';

describe('examples of the translation', function () {
  this.timeout(engineBuildTime);
  let machine: Namespace;

  before(async () => {
    await buildEngine();
    machine = await Namespace.make('qt-examples');
  });
  after(() => machine?.remove());

  it('are configurations that the engine takes as a whole, on every node', async () => {
    const program = join(repository, 'e2e/harness/programs/apply-examples.ts');
    const lines = (await machine.must([process.execPath, program])).trim().split('\n');
    assert.deepEqual(
      lines.filter((line) => line.startsWith('refused')),
      [],
    );
    assert.match(lines.at(-1) ?? '', /^applied: \d{3}$/);
  });
});
