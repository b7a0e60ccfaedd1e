import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FilesReader, formatProblem, loadCrds, projectAll, translate } from '@quiver/operator';

const demo = import.meta.dirname;

describe('the files of the demo', () => {
  for (const site of ['site-a', 'site-b']) {
    it(`give the router of ${site} a configuration without a problem`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'quiver-demo-'));
      try {
        await cp(join(demo, site), folder, { recursive: true });
        writeFileSync(join(folder, 'fabric.secret'), 'x'.repeat(64));
        const resources = [join(folder, 'resources')];
        const reader = new FilesReader({ routerFile: join(folder, 'router.yaml'), resources, crds: loadCrds() });
        const { ir, problems } = translate(await reader.read());
        assert.deepEqual(problems.map(formatProblem), []);
        const [node] = projectAll(ir);
        assert.equal(node?.config.services.length, 5);
        assert.equal(node?.config.peers.length, 1);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
