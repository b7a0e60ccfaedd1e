import { type FSWatcher, watch } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../clock.ts';
import { AgentError, messageOf } from '../errors.ts';
import { writeWhole } from '../files/whole-file.ts';
import type { Logger } from '../logger.ts';
import { binaryName } from './binary.ts';
import { readConfigurations, removeConfigurations, uninstallPlugin } from './conf-folder.ts';
import {
  type ConfFile,
  chainedConfiguration,
  isChained,
  isOwn,
  isSameConfiguration,
  primaryConfiguration,
  primaryOf,
} from './conflist.ts';

export interface InstallerDeps {
  readonly mode: 'Chained' | 'Primary' | 'Off';
  /** Of the agent, as the host sees it. */
  readonly socket: string;
  /** Folder of the runtime's network configurations. */
  readonly confDir: string;
  /** Folder of the runtime's plugins; unset when it cannot be seen. */
  readonly binDir?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether pods can be served. */
  readonly isReady: () => boolean;
}

/** Changes that nobody announced are seen after this time. */
const checkMilliseconds = 15_000;
/** When a file that could not be read is looked at again, and when it is a notice. */
const againMilliseconds = 1_000;
const unreadableMilliseconds = 15_000;

/** What has to be in place: our file, or another one with our plugin; neither: nothing of ours. */
interface Plan {
  readonly own?: ConfFile | undefined;
  readonly foreign?: ConfFile;
}

/** Keeps our plugin in the runtime's configuration, in a file of our own beside that of the primary. */
export class CniInstaller {
  readonly #deps: InstallerDeps;
  #watcher: FSWatcher | undefined;
  #periodic: Timer | undefined;
  #again: Timer | undefined;
  #unreadableSince: number | undefined;
  #working: Promise<void> | undefined;
  #isChanged = false;
  #isStopped = false;
  #installed: ConfFile | undefined;
  #notice = '';

  constructor(deps: InstallerDeps) {
    this.#deps = deps;
  }

  /** Name of the file that is in place; undefined while there is none. */
  get installed(): string | undefined {
    return this.#installed?.name;
  }

  /** Why nothing is installed although it should be; empty when all is well. */
  get notice(): string {
    return this.#notice;
  }

  /** Looks after the file from now on. */
  start(): void {
    const { confDir, clock } = this.#deps;
    try {
      this.#watcher = watch(confDir, { persistent: false }, () => this.check());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The folder may come later; until then it is looked for from time to time.
    }
    this.#periodic = clock.every(checkMilliseconds, () => this.check());
    this.check();
  }

  /** Something may have changed: the node's readiness, or a file. */
  check(): void {
    this.#isChanged = true;
    this.#working ??= this.#work();
  }

  /** Resolves when the last check has ended. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** Leaves the file where it is: an agent that starts anew serves the same pods. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#periodic?.cancel();
    this.#again?.cancel();
    await this.#working;
  }

  /** Takes the configuration away, then the binary. */
  async remove(): Promise<void> {
    await this.stop();
    const { confDir, binDir } = this.#deps;
    for (const path of await uninstallPlugin(confDir, binDir)) this.#tellRemoved(path);
    this.#installed = undefined;
  }

  async #work(): Promise<void> {
    while (this.#isChanged && !this.#isStopped) {
      this.#isChanged = false;
      await this.#follow().catch((caught: unknown) => this.#note(messageOf(caught)));
    }
    this.#working = undefined;
  }

  async #follow(): Promise<void> {
    const { confDir, mode, isReady } = this.#deps;
    const files = await readConfigurations(confDir);
    if (mode === 'Off') return this.#removeOwn(files, undefined);
    const own = files.filter(isOwn);
    this.#installed = own.find(({ name }) => name === this.#installed?.name) ?? own[0];
    if (!isReady()) return;
    const plan = await this.#plan(files);
    if (plan === undefined) return;
    const { own: wanted, foreign } = plan;
    const current = files.find(({ name }) => name === wanted?.name);
    if (wanted !== undefined && !isSameConfiguration(current, wanted)) await this.#write(wanted);
    await this.#removeOwn(files, wanted?.name);
    this.#installed = wanted ?? foreign;
  }

  // Undefined: everything stays as it is for the moment.
  async #plan(files: readonly ConfFile[]): Promise<Plan | undefined> {
    const { mode, socket, binDir } = this.#deps;
    if (mode === 'Off') return {};
    if (binDir !== undefined && !(await isThere(join(binDir, binaryName)))) {
      this.#note(`${binaryName} is not in ${binDir}: install it with quiver cni install`);
      return {};
    }
    if (mode === 'Chained') return this.#chain(files);
    this.#note('');
    const hasPortmap = binDir !== undefined && (await isThere(join(binDir, 'portmap')));
    return { own: primaryConfiguration({ mode, socket }, hasPortmap) };
  }

  #chain(files: readonly ConfFile[]): Plan | undefined {
    const { socket, confDir } = this.#deps;
    const source = primaryOf(files);
    if (source.kind === 'Unreadable') return this.#wait(source.name);
    this.#unreadableSince = undefined;
    if (source.kind === 'Found' && isChained(source.file)) {
      this.#note(`${source.file.name} in ${confDir} holds ${binaryName} already: nothing is written beside it`);
      return { foreign: source.file };
    }
    const current = files.find((file) => file.name === this.#installed?.name && isOwn(file));
    const settings = { mode: 'Chained', socket } as const;
    const own = source.kind === 'Found' ? chainedConfiguration(source.file, settings, current) : undefined;
    const hint = 'pods of this node belong to no tenant until a primary plugin that sorts behind 0-0 is configured';
    this.#note(own === undefined ? `there is nothing in ${confDir} to chain to: ${hint}` : '');
    return { own };
  }

  // Others write their file in place: half of it is no reason to give pods another network.
  #wait(name: string): undefined {
    const { clock, confDir } = this.#deps;
    this.#unreadableSince ??= clock.now();
    if (clock.now() - this.#unreadableSince >= unreadableMilliseconds)
      this.#note(`${name} in ${confDir} is no network configuration: correct or remove it`);
    this.#again?.cancel();
    this.#again = clock.after(againMilliseconds, () => this.check());
  }

  async #write(wanted: ConfFile): Promise<void> {
    const path = join(this.#deps.confDir, wanted.name);
    try {
      await writeWhole(path, wanted.text);
    } catch (caught) {
      throw new AgentError('CniUnusable', `${path} cannot be written: ${messageOf(caught)}`, { cause: caught });
    }
    this.#deps.logger.info('the plugin is in the configuration of the container runtime', { file: path });
  }

  // The new one is there before a former one goes: at no moment do pods start without the plugin.
  async #removeOwn(files: readonly ConfFile[], kept: string | undefined): Promise<void> {
    const leftOver = files.filter((one) => isOwn(one) && one.name !== kept);
    for (const path of await removeConfigurations(this.#deps.confDir, leftOver)) this.#tellRemoved(path);
    if (kept === undefined) this.#installed = undefined;
  }

  #tellRemoved(file: string): void {
    this.#deps.logger.info('the plugin is taken away from the container runtime', { file });
  }

  #note(notice: string): void {
    if (notice !== '' && notice !== this.#notice) this.#deps.logger.warn(notice);
    this.#notice = notice;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
