import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from '../../harness/eventually.ts';
import type { Machine } from './machine.ts';

/** Starts a program that outlives the shell, and prints its id as the machine counts. */
const launcher = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!';

/** A program that runs in a machine until it is told to end. */
export class Service {
  readonly name: string;
  readonly #machine: Machine;
  readonly #command: readonly string[];

  constructor(machine: Machine, name: string, command: readonly string[]) {
    this.#machine = machine;
    this.name = name;
    this.#command = command;
  }

  /** What it has printed, over all its starts. */
  get log(): string {
    return join(this.#machine.folder, 'log', `${this.name}.log`);
  }

  async start(): Promise<void> {
    await mkdir(dirname(this.log), { recursive: true });
    const pid = await this.#machine.must(['sh', '-c', launcher, 'sh', this.log, ...this.#command]);
    await writeFile(this.#pidFile, pid);
  }

  async isRunning(): Promise<boolean> {
    if (!existsSync(this.#pidFile)) return false;
    const { code } = await this.#machine.run(['kill', '-0', await this.#pid()]);
    return code === 0;
  }

  /** Sends it a signal: SIGSTOP pauses it, SIGCONT lets it go on. */
  async signal(name: 'TERM' | 'KILL' | 'STOP' | 'CONT'): Promise<void> {
    await this.#machine.must(['kill', `-${name}`, await this.#pid()]);
  }

  /** Ends it, and waits until it has. */
  async stop(name: 'TERM' | 'KILL' = 'TERM', within = 90_000): Promise<void> {
    if (!(await this.isRunning())) return;
    await this.signal(name);
    const waiting = { within, every: 100 };
    await eventually(`${this.name} ends`, async () => ((await this.isRunning()) ? undefined : true), waiting);
    await rm(this.#pidFile, { force: true });
  }

  get #pidFile(): string {
    return join(this.#machine.folder, 'pids', this.name);
  }

  async #pid(): Promise<string> {
    return (await readFile(this.#pidFile, 'utf8')).trim();
  }
}
