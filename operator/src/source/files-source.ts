import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../clock.ts';
import { fromUnknown } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { FilesReader, type FilesSettings } from './files-reader.ts';
import type { ResourceSource, Snapshot, Subscription } from './resource-source.ts';

export interface FilesSourceDeps extends FilesSettings {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An editor writes a file in several steps; what comes within this time is one change. */
const debounceMilliseconds = 50;
/** Where the kernel tells nothing (network file systems), changes are seen this late. */
const pollMilliseconds = 500;

/** Resources from a directory of YAML, watched. */
export class FilesSource implements ResourceSource {
  readonly #deps: FilesSourceDeps;

  constructor(deps: FilesSourceDeps) {
    this.#deps = deps;
  }

  async subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription> {
    const watching = new Watching(this.#deps, listener);
    await watching.start();
    return watching;
  }
}

class Watching implements Subscription {
  readonly #deps: FilesSourceDeps;
  readonly #listener: (snapshot: Snapshot) => void;
  readonly #reader: FilesReader;
  readonly #watchers: FSWatcher[] = [];
  #signature = '';
  #poll: Timer | undefined;
  #pending: Timer | undefined;
  #isReading = false;
  #isClosed = false;

  constructor(deps: FilesSourceDeps, listener: (snapshot: Snapshot) => void) {
    this.#deps = deps;
    this.#listener = listener;
    this.#reader = new FilesReader(deps);
  }

  async start(): Promise<void> {
    // Watching begins before reading, so that no change falls between.
    const { resources, routerFile, clock } = this.#deps;
    for (const place of [dirname(routerFile), ...resources]) this.#watch(place);
    try {
      this.#signature = await this.#reader.signature();
      this.#listener(await this.#reader.read());
    } catch (caught) {
      this.close();
      throw caught;
    }
    this.#poll = clock.every(pollMilliseconds, () => void this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#poll?.cancel();
    this.#pending?.cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(place: string): void {
    try {
      const watcher = watch(place, { recursive: true, persistent: false }, () => this.#soon());
      watcher.on('error', (error) =>
        this.#deps.logger.warn('watching failed, polling goes on', { place, reason: error.message }),
      );
      this.#watchers.push(watcher);
    } catch (caught) {
      this.#deps.logger.warn('cannot watch, polling instead', { place, reason: fromUnknown(caught).message });
    }
  }

  #soon(): void {
    this.#pending?.cancel();
    if (!this.#isClosed) this.#pending = this.#deps.clock.after(debounceMilliseconds, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#isReading || this.#isClosed) return;
    this.#isReading = true;
    try {
      const signature = await this.#reader.signature();
      if (signature === this.#signature) return;
      const snapshot = await this.#reader.read();
      // Only now: what changed while it was read is seen by the next look.
      this.#signature = signature;
      if (!this.#isClosed) this.#listener(snapshot);
    } catch (caught) {
      this.#deps.logger.error('the resources cannot be read, the last state goes on', {
        reason: fromUnknown(caught).message,
      });
    } finally {
      this.#isReading = false;
    }
  }
}
