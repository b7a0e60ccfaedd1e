import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { fromUnknown } from '../errors.ts';
import type { StatusReport } from './status-report.ts';
import type { StatusSink } from './status-sink.ts';

/** Writes the status to a file that is whole at every moment: JSON when its name ends so, else YAML. */
export class StatusFile implements StatusSink {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async write(status: StatusReport): Promise<void> {
    const isJson = this.#path.endsWith('.json');
    const text = isJson
      ? `${JSON.stringify(status, undefined, 2)}\n`
      : stringify(status, { aliasDuplicateObjects: false });
    const draft = `${this.#path}.new`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await writeFile(draft, text);
      await rename(draft, this.#path);
    } catch (caught) {
      throw fromUnknown(caught, 'StatusUnwritable');
    }
  }

  /** Takes the file away: a status that nobody keeps up to date misleads. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
