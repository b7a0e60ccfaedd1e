import { mkdtempSync, symlinkSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../../cluster/cluster.ts';
import type { Lab } from '../../cluster/lab.ts';
import { must } from '../../harness/command.ts';
import { guardFolder } from '../../harness/leftover-guard.ts';
import { bundle } from '../../setup/bundle.ts';
import { ROOT } from '../../setup/stage.ts';

interface Entry {
  readonly name: string;
  readonly [field: string]: unknown;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
  readonly users: readonly { readonly user: unknown }[];
}

/**
 * A user's machine: helm, kubectl and its plugin, contexts for several clusters, and a place in the network from which
 * the API servers of all are reached.
 */
export class UserMachine {
  readonly folder: string;
  readonly #lab: Lab;
  readonly #guard: { release: () => void };

  private constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.folder = folder;
    this.#guard = guardFolder(folder);
  }

  /** `contexts`: name of a context -> its cluster. */
  static async make(lab: Lab, contexts: Readonly<Record<string, Cluster>>): Promise<UserMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'quiver-user-'));
    const machine = new UserMachine(lab, folder);
    await bundle({ out: join(folder, 'bin') });
    symlinkSync(lab.tools.helm4, join(folder, 'bin/helm'));
    symlinkSync(lab.tools.kubectl, join(folder, 'bin/kubectl'));
    symlinkSync(process.execPath, join(folder, 'bin/node'));
    await writeFile(join(folder, 'kubeconfig'), stringify(await joined(contexts)), { mode: 0o600 });
    return machine;
  }

  /** Output of a shell script, run in the repository as a user would; each line has to succeed. */
  run(script: string): Promise<string> {
    const path = `${this.folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    const own = [`PATH=${path}`, `KUBECONFIG=${this.folder}/kubeconfig`, `HOME=${this.folder}`];
    return must(this.#lab.wan.within(['env', '-C', ROOT, '-i', ...own, 'bash', '-eu']), script);
  }

  async remove(): Promise<void> {
    this.#guard.release();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** One kubeconfig with a context for each cluster, at the address by which it is reached from elsewhere. */
async function joined(contexts: Readonly<Record<string, Cluster>>): Promise<object> {
  const clusters: Entry[] = [];
  const users: Entry[] = [];
  for (const [name, cluster] of Object.entries(contexts)) {
    const own = parse(await readFile(cluster.kubeconfig, 'utf8')) as Kubeconfig;
    const server = `https://${cluster.first.plan.wan.v4}:6443`;
    clusters.push({ name, cluster: { ...own.clusters[0]?.cluster, server } });
    users.push({ name, user: own.users[0]?.user });
  }
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters,
    users,
    contexts: Object.keys(contexts).map((name) => ({ name, context: { cluster: name, user: name } })),
  };
}
