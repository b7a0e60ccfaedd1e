import assert from 'node:assert/strict';
import { run } from '../setup/stage.ts';
import { kubernetesTools } from './helm.ts';

describe('the tools of Kubernetes users', () => {
  it('are Helm 4, Helm 3 and a kubectl, of the versions that are written down', async () => {
    const { helm4, helm3, kubectl } = await kubernetesTools();
    assert.match((await run(helm4, ['version', '--short'])).output, /^v4\.2\.3/);
    assert.match((await run(helm3, ['version', '--short'])).output, /^v3\.17\.2/);
    assert.match((await run(kubectl, ['version', '--client'])).output, /v1\.36\.3/);
  });
});
