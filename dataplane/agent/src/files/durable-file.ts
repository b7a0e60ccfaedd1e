import { writeWhole } from './whole-file.ts';

/** A file that follows what is in memory: one writing at a time, and those who ask meanwhile share the next. */
export class DurableFile {
  readonly #path: string;
  readonly #content: () => string;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string, content: () => string) {
    this.#path = path;
    this.#content = content;
  }

  /** Resolves when everything known at this moment is on the disk. */
  save(): Promise<void> {
    if (this.#writing === undefined) return this.#write();
    const former = this.#writing.catch(() => undefined);
    this.#next ??= former.then(() => this.#write());
    return this.#next;
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined);
  }

  #write(): Promise<void> {
    this.#next = undefined;
    this.#writing = writeWhole(this.#path, this.#content()).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }
}
