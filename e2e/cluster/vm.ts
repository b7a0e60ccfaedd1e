import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { must, type Outcome, run } from '../harness/command.ts';
import { vmPlan } from './network/plan.ts';
import type { Wan } from './network/wan.ts';

/** A machine without Kubernetes, somewhere else: it takes part as a standalone router. */
export class Vm {
  readonly plan = vmPlan;
  readonly folder: string;
  readonly namespace: string;
  readonly #wan: Wan;

  constructor(wan: Wan, namespace: string, folder: string) {
    this.#wan = wan;
    this.namespace = namespace;
    this.folder = folder;
  }

  get exists(): boolean {
    return existsSync(`/run/netns/${this.namespace}`);
  }

  async make(): Promise<void> {
    await must(['ip', 'netns', 'add', this.namespace]);
    await this.shell(`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip link set lo up`);
    await this.#wan.addSite(this.plan);
    await this.#wan.connectVm(this.plan, this.namespace);
  }

  async remove(): Promise<void> {
    if (!this.exists) return;
    await run(['ip', 'netns', 'del', this.namespace]);
    await this.#wan.removeSite(this.plan.name);
    await rm(this.folder, { recursive: true, force: true });
  }

  within(command: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace}`, '--', ...command];
  }

  run(command: readonly string[], input = ''): Promise<Outcome> {
    return run(this.within(command), input);
  }

  /** Output of a shell script of which every line has to succeed. */
  shell(script: string): Promise<string> {
    return must(this.within(['sh', '-e']), script);
  }
}
