import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { must, type Outcome, run } from '../../harness/command.ts';
import { bundle } from '../../setup/bundle.ts';
import type { Fabric } from './fabric.ts';
import type { Site } from './site.ts';

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [{ readonly user: object }];
}

/**
 * `kubectl quiver` as a user of both clusters has it, who is somewhere in the network between them: one file in the PATH, and
 * a kubeconfig with the contexts `a` (alpha) and `b` (beta).
 */
export class Plugin {
  /** A folder of its own, in which commands run. */
  readonly folder: string;
  readonly #fabric: Fabric;

  private constructor(folder: string, fabric: Fabric) {
    this.folder = folder;
    this.#fabric = fabric;
  }

  static async open(fabric: Fabric): Promise<Plugin> {
    const folder = await mkdtemp(join(tmpdir(), 'quiver-plugin-'));
    await bundle({ out: join(folder, 'bin') });
    const plugin = new Plugin(folder, fabric);
    await plugin.#writeKubeconfig({ a: fabric.alpha, b: fabric.beta });
    return plugin;
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  /** What `kubectl quiver` says, whatever its exit code. */
  quiver(...args: readonly string[]): Promise<Outcome> {
    return run([...this.#surroundings(), 'kubectl', 'quiver', ...args]);
  }

  /** Standard output of a line of the shell that has to succeed within two minutes. */
  line(text: string): Promise<string> {
    return must([...this.#surroundings(), 'timeout', '120', 'sh', '-c', text]);
  }

  #surroundings(): string[] {
    const { wan, tools } = this.#fabric.lab;
    const path = [join(this.folder, 'bin'), dirname(tools.kubectl), dirname(process.execPath), '/usr/bin', '/bin'];
    const env = [`PATH=${path.join(delimiter)}`, `KUBECONFIG=${join(this.folder, 'config')}`];
    return ['nsenter', `--net=/run/netns/${wan.namespace}`, '--', 'env', '-C', this.folder, ...env];
  }

  // The addresses inside of both clusters are the same: from between them each is reached by its node's outer address.
  async #writeKubeconfig(sites: Readonly<Record<string, Site>>): Promise<void> {
    const parts = await Promise.all(
      Object.entries(sites).map(async ([name, { cluster }]) => {
        const { clusters, users } = parse(await readFile(cluster.kubeconfig, 'utf8')) as Kubeconfig;
        const own = new URL(clusters[0].cluster['server'] ?? '');
        own.hostname = cluster.first.plan.wan.v4;
        return {
          cluster: { name, cluster: { ...clusters[0].cluster, server: own.href } },
          user: { name, user: users[0].user },
          context: { name, context: { cluster: name, user: name } },
        };
      }),
    );
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      clusters: parts.map(({ cluster }) => cluster),
      users: parts.map(({ user }) => user),
      contexts: parts.map(({ context }) => context),
    };
    await writeFile(join(this.folder, 'config'), stringify(config), { mode: 0o600 });
  }
}
