// Has the engine take the configuration of every node of every example of the translation, and prints what it refuses, one line
// each: `node apply-examples.ts`. For a network namespace of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeConfig } from '@quiver/dataplane-api';
import { withPods } from '../../../dataplane/agent/src/pods/members.ts';
import { Engine, loadBinding } from '../../../dataplane/engine/src/index.ts';
import { digestOf } from '../../../operator/src/ir/canonical.ts';
import { projectAll } from '../../../operator/src/project/node-config.ts';
import { loadCrds } from '../../../operator/src/schema/index.ts';
import { snapshotOfText } from '../../../operator/src/testing/golden-case.ts';
import { translate } from '../../../operator/src/translate/index.ts';
import { repository } from '../router.ts';

const folder = join(repository, 'operator/src/translate/testdata');
const secret = Buffer.from('0123456789abcdef0123456789abcdef');
const version = { version: 1, secretId: 'fabric-secret-1', digest: digestOf(secret) };
const crds = loadCrds();

function configsOf(file: string): readonly NodeConfig[] {
  const { snapshot } = snapshotOfText(readFileSync(join(folder, file), 'utf8'), crds);
  if (snapshot === undefined) return [];
  return projectAll(translate(snapshot).ir).map(({ config }) => withPods(config, []));
}

const engine = await Engine.start(loadBinding(), { workers: 1 });
let count = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.in.yaml'))) {
  for (const config of configsOf(file)) {
    const keySource = { sharedSecret: { versions: [version], active: 1 } };
    const refusals = await engine.applyConfig({ ...config, keySource }, [
      { secretId: version.secretId, value: secret },
    ]);
    for (const { field, message } of refusals) console.log(`refused: ${file} ${config.node} ${field}: ${message}`);
    count += 1;
  }
}
await engine.stop(false);
console.log(`applied: ${count}`);
