import { must, type Outcome, run } from './command.ts';
import { guardNamespace } from './leftover-guard.ts';
import { Process } from './process.ts';

/** A network namespace of our own. */
export class Namespace {
  readonly name: string;
  readonly #guard: { release: () => void };

  private constructor(name: string) {
    this.name = name;
    this.#guard = guardNamespace(name);
  }

  /** Makes it, with loopback up and no duplicate address detection, so that nothing in it changes by itself. */
  static async make(name: string): Promise<Namespace> {
    await must(['ip', 'netns', 'add', name]);
    const namespace = new Namespace(name);
    const calm = ['all', 'default'].map((one) => `net.ipv6.conf.${one}.accept_dad=0`).join(' ');
    await namespace.shell(`sysctl -qw ${calm}; ip link set lo up`);
    return namespace;
  }

  /** `command` as it has to be started to run in here. The mounts stay the machine's. */
  within(command: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, '--', ...command];
  }

  run(command: readonly string[], input = ''): Promise<Outcome> {
    return run(this.within(command), input);
  }

  must(command: readonly string[], input = ''): Promise<string> {
    return must(this.within(command), input);
  }

  /** Output of a shell script of which every line has to succeed. */
  shell(script: string): Promise<string> {
    return this.must(['sh', '-e'], script);
  }

  start(command: readonly string[], onOutput?: (bytes: Buffer) => void): Process {
    return new Process(this.within(command), onOutput);
  }

  async remove(): Promise<void> {
    this.#guard.release();
    await run(['ip', 'netns', 'del', this.name]);
  }
}
