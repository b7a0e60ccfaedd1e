import { type FSWatcher, watch } from 'node:fs';
import type { Clock, Timer } from '../clock.ts';
import { fromUnknown } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface WatchedPlacesDeps {
  /** Folders and files. */
  readonly places: readonly string[];
  /** A text that changes whenever something in them does. */
  readonly signature: () => Promise<string>;
  /** Reads anew. Called once at the start, and after each change, never twice at once. */
  readonly changed: () => Promise<void>;
  /** Told what `changed` rejected with, after the start. It is tried again. */
  readonly failed: (caught: unknown) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An editor writes a file in several steps; what comes within this time is one change. */
const debounceMilliseconds = 50;
/** Where the kernel tells nothing (network file systems), changes are seen this late. */
const pollMilliseconds = 500;

/** Notices changes of files, by the kernel's word and by looking. */
export class WatchedPlaces {
  readonly #deps: WatchedPlacesDeps;
  readonly #watchers: FSWatcher[] = [];
  #signature = '';
  #poll: Timer | undefined;
  #pending: Timer | undefined;
  #isReading = false;
  #isClosed = false;

  constructor(deps: WatchedPlacesDeps) {
    this.#deps = deps;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Reads for the first time, and begins to watch. Rejects with what the first reading rejects with. */
  async start(): Promise<void> {
    const { places, signature, changed, clock } = this.#deps;
    // Watching begins before reading, so that no change falls between.
    for (const place of places) this.#watch(place);
    try {
      this.#signature = await signature();
      await changed();
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
    const { signature, changed, failed } = this.#deps;
    try {
      const now = await signature();
      if (now === this.#signature || this.#isClosed) return;
      await changed();
      // Only now: what changed while it was read is seen by the next look.
      this.#signature = now;
    } catch (caught) {
      failed(caught);
    } finally {
      this.#isReading = false;
    }
  }
}
