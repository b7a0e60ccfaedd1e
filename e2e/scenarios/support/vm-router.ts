import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Vm } from '../../cluster/vm.ts';
import { buildEngine } from '../../harness/engine-build.ts';
import { eventually } from '../../harness/eventually.ts';
import { Process } from '../../harness/process.ts';
import { quiver } from '../../harness/router.ts';
import type { Manifest } from './objects.ts';

export interface VmRouterOptions {
  readonly fabric: string;
  readonly secret: string;
  readonly objects: readonly Manifest[];
}

/** `quiver standalone` on the machine without Kubernetes, with the same objects as a cluster gets. */
export class VmRouter {
  readonly #vm: Vm;
  readonly #process: Process;

  private constructor(vm: Vm, process: Process) {
    this.#vm = vm;
    this.#process = process;
  }

  /** Resolves when it forwards. */
  static async start(vm: Vm, { fabric, secret, objects }: VmRouterOptions): Promise<VmRouter> {
    await buildEngine();
    const path = (name: string): string => join(vm.folder, name);
    await mkdir(path('resources'), { recursive: true });
    await writeFile(path('fabric.secret'), secret, { mode: 0o600 });
    await writeFile(path('router.yaml'), stringify(routerConfig(fabric, vm)));
    await writeFile(path('resources/all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    const files = ['--config', path('router.yaml'), '--resources', path('resources'), '--state-dir', path('state')];
    const command = quiver('standalone', ...files, '--socket', path('agent.sock'));
    const router = new VmRouter(vm, new Process(vm.within(command)));
    await eventually('the router on the VM answers', async () => {
      if (router.#process.hasEnded) throw new Error(`it ended: ${router.#process.stderr.slice(-2000)}`);
      return (await router.run('status')).includes('ready') ? true : undefined;
    });
    return router;
  }

  /** What the command line says about it. */
  async run(...args: readonly string[]): Promise<string> {
    const { stdout } = await this.#vm.run(quiver(...args, '--socket', join(this.#vm.folder, 'agent.sock')));
    return stdout;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}

function routerConfig(fabric: string, { plan }: Vm): object {
  return {
    apiVersion: 'config.quiver.dev/v1alpha1',
    kind: 'RouterConfig',
    fabric,
    router: plan.name,
    nodes: [{ name: plan.name, waypoints: [{ name: 'wan0', address: plan.wan.v4 }] }],
    keySource: { type: 'SharedSecret', versions: [{ version: 1, file: 'fabric.secret' }], active: 1 },
  };
}
