import { dirname, resolve } from 'node:path';
import type { RouterConfig } from './api/router-config.ts';
import type { Clock } from './clock.ts';
import { Distributor } from './distribute/distributor.ts';
import type { TlsFiles } from './distribute/listener.ts';
import { type Listening, serveAgents } from './distribute/server.ts';
import type { Logger } from './logger.ts';
import { Operator } from './operator.ts';
import { loadCrds } from './schema/index.ts';
import { FilesReader } from './source/files-reader.ts';
import { FilesSource } from './source/files-source.ts';
import { StatusFile } from './status/status-file.ts';
import { StatusPrinter } from './status/status-printer.ts';
import { allOf } from './status/status-sink.ts';
import { Translator } from './translator.ts';

export interface StandaloneSettings {
  readonly routerFile: string;
  /** Directories and files with resources. */
  readonly resources: readonly string[];
  /** Socket at which agents on this machine connect. */
  readonly socket: string;
  /** Where the status is kept, as YAML or JSON by its name; none when undefined. */
  readonly statusFile?: string | undefined;
}

export interface StandaloneDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the lines that tell what changed. */
  readonly print: (line: string) => void;
}

/** A running operator of one router. */
export interface Standalone {
  readonly router: RouterConfig;
  readonly operator: Operator;
  /** Port for agents elsewhere; undefined when the router file names no address for them. */
  readonly port: number | undefined;
  readonly stop: () => Promise<void>;
}

/** Runs the operator of one router from files. Rejects with a `QuiverError` when it cannot begin, and leaves nothing behind. */
export async function startStandalone(settings: StandaloneSettings, deps: StandaloneDeps): Promise<Standalone> {
  const { routerFile, resources, socket, statusFile } = settings;
  const { clock, logger } = deps;
  const crds = loadCrds();
  const { router } = await new FilesReader({ routerFile, resources, crds }).read();
  const distributor = new Distributor({ epoch: BigInt(clock.now()), logger: logger.with({ component: 'distribute' }) });
  const file = statusFile === undefined ? [] : [new StatusFile(statusFile)];
  const source = new FilesSource({ routerFile, resources, crds, clock, logger: logger.with({ component: 'source' }) });
  const status = allOf([new StatusPrinter(deps.print), ...file]);
  const operatorLogger = logger.with({ component: 'operator' });
  const translator = new Translator({ source, clock, logger: operatorLogger });
  const operator = new Operator({ translator, distributor, status, clock, logger: operatorLogger });
  const listening: Listening[] = [];
  const stop = async (): Promise<void> => {
    translator.stop();
    await operator.stop();
    await Promise.all(listening.map((one) => one.close()));
    await Promise.all(file.map((one) => one.remove()));
  };
  try {
    await translator.start();
    operator.start();
    const serving = { distributor, logger: logger.with({ component: 'distribute' }) };
    listening.push(await serveAgents({ listen: `unix:${socket}` }, serving));
    const remote = remoteSettings(router, routerFile);
    if (remote !== undefined) listening.push(await serveAgents(remote, serving));
  } catch (caught) {
    await stop();
    throw caught;
  }
  return { router, operator, port: listening[1]?.port, stop };
}

function remoteSettings(
  { operator }: RouterConfig,
  routerFile: string,
): { listen: string; tls?: TlsFiles } | undefined {
  if (operator === undefined) return undefined;
  const beside = (file: string) => resolve(dirname(routerFile), file);
  if (operator.listen.startsWith('unix:')) return { listen: operator.listen };
  const { tls } = operator;
  if (tls === undefined) return { listen: operator.listen };
  return {
    listen: operator.listen,
    tls: { certificate: beside(tls.certificate), key: beside(tls.key), authority: beside(tls.authority) },
  };
}
