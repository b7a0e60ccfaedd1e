import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must, type Outcome, run } from '../../harness/command.ts';
import { eventually } from '../../harness/eventually.ts';
import { kernelSettings } from './kernel-settings.ts';

export interface MachineOptions {
  /** Name of its network namespace and of its control groups. */
  readonly namespace: string;
  readonly hostname: string;
  /** Its disk: what lies here outlives a reboot. */
  readonly folder: string;
  /** Folders of the disk, and where the machine sees them. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Folders in which its programs are looked for first. */
  readonly path?: readonly string[];
}

/**
 * A machine made of a network, a mount, a UTS and a process namespace. Everything in it ends with its first process.
 * Its state is in its folder, so that another process of ours can go on with it.
 */
export class Machine {
  readonly namespace: string;
  readonly folder: string;
  readonly #options: MachineOptions;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.namespace = options.namespace;
    this.folder = options.folder;
  }

  /** Process id of its first process as the host sees it; undefined when the machine is off. */
  get pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#pidFile, 'utf8'));
      // The number may belong to somebody else by now.
      const isOurs = statSync(`/proc/${pid}/ns/net`).ino === statSync(`/run/netns/${this.namespace}`).ino;
      return isOurs ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Makes its network namespace; `connect` may plug it in then. */
  async makeNamespace(): Promise<void> {
    await must(['ip', 'netns', 'add', this.namespace]);
    await must(['nsenter', `--net=/run/netns/${this.namespace}`, 'sh', '-e'], settings);
  }

  /** Switches it on: its namespace has to be there. */
  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await rm(join(this.folder, 'pids'), { recursive: true, force: true });
    await mkdir(join(this.folder, 'pids'));
    // The shell does what the first process has to: it buries those whose parents are gone.
    const first = ['sh', '-c', 'sleep infinity & wait'];
    const apart = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--', ...first];
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, '--', ...apart], {
      detached: true,
      stdio: 'ignore',
    });
    child.unref();
    const pid = await eventually(`${this.namespace} has a first process`, () => childOf(child.pid ?? 0));
    await writeFile(this.#pidFile, String(pid));
    await this.shell(await this.#mounting());
  }

  /** Switches it off, as pulling the plug does; its folder stays. */
  async stop(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined) {
      process.kill(pid, 'SIGKILL');
      await eventually(`${this.namespace} has ended`, () => (existsSync(`/proc/${pid}`) ? undefined : true));
    }
    await rm(this.#pidFile, { force: true });
    await run(['ip', 'netns', 'del', this.namespace]);
  }

  /** `command` as it has to be started to run in the machine. */
  within(command: readonly string[]): string[] {
    const { pid } = this;
    if (pid === undefined) throw new Error(`${this.namespace} is off; switch it on first.`);
    const path = [...(this.#options.path ?? []), '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
    const environment = ['env', '-i', `PATH=${path.join(':')}`, 'HOME=/root', 'LC_ALL=C.UTF-8'];
    return ['nsenter', '-t', String(pid), '-m', '-n', '-u', '-p', '--', ...environment, ...command];
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

  get #pidFile(): string {
    return join(this.folder, 'first.pid');
  }

  /** The machine's own view of the standard places; the rest of the host's files is seen as it is. */
  async #mounting(): Promise<string> {
    const lines = ['mount --make-rprivate /', 'mount -t proc proc /proc', 'mount -t tmpfs -o mode=755 tmpfs /run'];
    for (const [own, place] of Object.entries(this.#options.mounts ?? {})) {
      await mkdir(join(this.folder, own), { recursive: true });
      lines.push(`mkdir -p ${place}`, `mount --bind ${join(this.folder, own)} ${place}`);
    }
    const pretended = await kernelSettings(join(this.folder, 'kernel'), this.#options.hostname);
    lines.push(...pretended.map(([file, place]) => `mount --bind ${file} ${place}`));
    return [...lines, 'mount --make-rshared /', `hostname ${this.#options.hostname}`].join('\n');
  }
}

/** Nothing in it changes by itself, and it forwards. */
const settings = `
  sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
  sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip link set lo up`;

function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children.split(' ')[0]);
}
