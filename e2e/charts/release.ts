import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { must, type Outcome, run } from '../harness/command.ts';
import { ROOT } from '../setup/stage.ts';
import type { KubernetesTools } from '../tools/helm.ts';
import { MINIMUM } from './render.ts';

/** Which Helm. */
export type HelmVersion = 'helm3' | 'helm4';

/** Where a chart is installed. */
export interface Target {
  readonly kubeconfig: string;
  readonly tools: KubernetesTools;
}

/** The chart in one namespace of a real API server, by the commands that users type. */
export class Release {
  readonly namespace: string;
  readonly #target: Target;
  readonly #folder = mkdtempSync(join(tmpdir(), 'quiver-release-'));

  constructor(target: Target, namespace: string) {
    this.#target = target;
    this.namespace = namespace;
  }

  /** `helm install` with the minimum of values and those given. */
  install(version: HelmVersion, values: object = {}, ...flags: readonly string[]): Promise<string> {
    return must(this.#chartCommand(version, 'install', values, ['--create-namespace', ...flags]));
  }

  /** `helm upgrade` with the minimum of values and those given. */
  upgrade(version: HelmVersion, values: object, ...flags: readonly string[]): Promise<string> {
    return must(this.#chartCommand(version, 'upgrade', values, flags));
  }

  rollback(version: HelmVersion, revision: number): Promise<string> {
    return must(this.#helm(version, 'rollback', 'quiver', String(revision)));
  }

  uninstall(version: HelmVersion, ...flags: readonly string[]): Promise<string> {
    return must(this.#helm(version, 'uninstall', 'quiver', ...flags));
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return must(this.#kubectl(args));
  }

  /** kubectl, whatever it answers. */
  tryKubectl(...args: readonly string[]): Promise<Outcome> {
    return run(this.#kubectl(args));
  }

  /** Writes one object as the given field manager does, replacing it as a whole. */
  replace(manifest: object, fieldManager: string): Promise<string> {
    return must(this.#kubectl(['replace', '--field-manager', fieldManager, '-f', '-']), JSON.stringify(manifest));
  }

  apply(manifest: object): Promise<string> {
    return must(this.#kubectl(['apply', '--server-side', '-f', '-']), JSON.stringify(manifest));
  }

  /** Removes what this object has written on this machine. */
  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #chartCommand(version: HelmVersion, verb: string, values: object, flags: readonly string[]): string[] {
    const file = join(this.#folder, 'values.yaml');
    writeFileSync(file, stringify({ ...MINIMUM, ...values }));
    return this.#helm(version, verb, 'quiver', join(ROOT, 'charts/quiver'), '--values', file, ...flags);
  }

  #helm(version: HelmVersion, ...args: readonly string[]): string[] {
    const { kubeconfig, tools } = this.#target;
    return [...this.#environment(), tools[version], ...args, '--namespace', this.namespace, '--kubeconfig', kubeconfig];
  }

  #kubectl(args: readonly string[]): string[] {
    const { kubeconfig, tools } = this.#target;
    const where = ['--namespace', this.namespace, '--kubeconfig', kubeconfig];
    return [...this.#environment(), tools.kubectl, ...where, ...args];
  }

  // Neither program writes into the home of whoever runs the test.
  #environment(): string[] {
    return [
      'env',
      `KUBECACHEDIR=${this.#folder}`,
      `HELM_CACHE_HOME=${this.#folder}`,
      `HELM_CONFIG_HOME=${this.#folder}`,
    ];
  }
}
