import { join } from 'node:path';
import { connectCluster } from '../cluster/connect.ts';
import type { CliContext } from '../context.ts';
import { writeKubeconfig } from './fake-api-server.ts';
import { type Ran, runQuiver } from './run-quiver.ts';
import { SampleCluster, sampleTime } from './sample-cluster.ts';

/** Runs `kubectl quiver` against clusters a and b of its own; the first is the current context. */
export interface Plugin {
  readonly run: (args: readonly string[], changed?: Partial<CliContext>) => Promise<Ran>;
  readonly a: SampleCluster;
  readonly b: SampleCluster;
}

/** Two sample clusters for each test of the suite it is called in. */
export function samplePlugin(folder: () => string): () => Plugin {
  let plugin: Plugin;
  beforeEach(async () => {
    const [a, b] = [await SampleCluster.start('a'), await SampleCluster.start('b')];
    const kubeconfig = join(folder(), 'kubeconfig');
    await writeKubeconfig(kubeconfig, { a: a.server, b: b.server });
    const interrupted = new AbortController().signal;
    const env = { KUBECONFIG: kubeconfig };
    const world: Partial<CliContext> = {
      isPlugin: true,
      connectCluster: (target) =>
        new Promise((resolve) => resolve(connectCluster(target, { env, interrupted, now: () => sampleTime }))),
    };
    plugin = { a, b, run: (args, changed) => runQuiver(args, { ...world, ...changed }) };
  });
  afterEach(() => Promise.all([plugin.a.server.close(), plugin.b.server.close()]));
  return () => plugin;
}
