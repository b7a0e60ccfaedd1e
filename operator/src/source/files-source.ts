import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import { fromUnknown } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { FilesReader, type FilesSettings } from './files-reader.ts';
import type { ResourceSource, Snapshot, Subscription } from './resource-source.ts';
import { WatchedPlaces } from './watched-places.ts';

export interface FilesSourceDeps extends FilesSettings {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Resources from a directory of YAML, watched. */
export class FilesSource implements ResourceSource {
  readonly #deps: FilesSourceDeps;

  constructor(deps: FilesSourceDeps) {
    this.#deps = deps;
  }

  async subscribe(listener: (snapshot: Snapshot) => void): Promise<Subscription> {
    const { resources, routerFile, clock, logger } = this.#deps;
    const reader = new FilesReader(this.#deps);
    const places = new WatchedPlaces({
      places: [dirname(routerFile), ...resources],
      signature: () => reader.signature(),
      changed: async () => {
        const snapshot = await reader.read();
        if (!places.isClosed) listener(snapshot);
      },
      failed: (caught) =>
        logger.error('the resources cannot be read, the last state goes on', { reason: fromUnknown(caught).message }),
      clock,
      logger,
    });
    await places.start();
    return places;
  }
}
