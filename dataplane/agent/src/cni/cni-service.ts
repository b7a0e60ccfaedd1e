import type { Clock } from '../clock.ts';
import { AddressPool } from '../ipam/address-pool.ts';
import type { Logger } from '../logger.ts';
import type { Pods } from '../pods/pods.ts';
import type { CniCounts } from './counts.ts';
import { whyNotForwarding } from './forwarding.ts';
import { CniInstaller } from './installer.ts';
import { type CniConfig, CniPlugin } from './plugin.ts';
import { type CniListening, serveCni } from './server.ts';

/** How the agent serves container runtimes. */
export interface CniSettings {
  /** Chained: behind another plugin. Primary: the node's whole pod network. Off: what was configured before is taken away. */
  readonly mode: 'Chained' | 'Primary' | 'Off';
  /** Where the plugin asks, as the host sees it. */
  readonly socket: string;
  /** Folder of the runtime's network configurations; unset: nothing is installed. */
  readonly confDir?: string | undefined;
  /** Folder of the runtime's plugins. */
  readonly binDir?: string | undefined;
}

export interface CniServiceDeps {
  readonly settings: CniSettings;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pods: Pods;
  readonly isOperatorAway: () => boolean;
  readonly notReady: () => string;
  readonly config: () => CniConfig | undefined;
}

/** Everything between the container runtime and the agent. */
export class CniService {
  readonly #deps: CniServiceDeps;
  readonly #pool: AddressPool;
  readonly #plugin: CniPlugin | undefined;
  readonly #installer: CniInstaller | undefined;
  #listening: CniListening | undefined;

  constructor(deps: CniServiceDeps) {
    const { settings, stateDir, clock, logger } = deps;
    const { mode, socket, confDir, binDir } = settings;
    this.#deps = deps;
    this.#pool = new AddressPool(stateDir, logger);
    this.#plugin = mode === 'Off' ? undefined : new CniPlugin({ ...deps, mode, pool: this.#pool, whyNotForwarding });
    const isReady = () => deps.notReady() === '';
    if (confDir !== undefined) {
      this.#installer = new CniInstaller({ mode, socket, confDir, binDir, clock, logger, isReady });
    }
  }

  /** What does not work as it should, in sentences. */
  get notices(): readonly string[] {
    const notice = this.#installer?.notice ?? '';
    return notice === '' ? [] : [notice];
  }

  /** Undefined when no runtime is served. */
  get counts(): CniCounts | undefined {
    if (this.#plugin === undefined) return undefined;
    return {
      requests: this.#plugin.requests,
      unconfirmed: this.#plugin.unconfirmed,
      pods: this.#deps.pods.bindings.filter(({ isEnded }) => !isEnded).length,
      freeAddresses: this.#plugin.freeAddresses,
      isInstalled: this.#installer?.installed !== undefined,
    };
  }

  /** Rejects with an `AgentError` when the socket cannot be opened. */
  async start(): Promise<void> {
    const plugin = this.#plugin;
    await this.#pool.load();
    if (plugin !== undefined) {
      this.#listening = await serveCni(this.#deps.settings.socket, (request) => plugin.handle(request));
    }
    this.#installer?.start();
  }

  /** The node may have become ready. */
  check(): void {
    this.#installer?.check();
  }

  /** The runtime's configuration stays: until the next start, pods cannot be added. */
  async stop(): Promise<void> {
    await this.#installer?.stop();
    await this.#listening?.close();
    await this.#pool.close();
  }

  /** Leaves nothing: first the configuration, then the binary, then the state. */
  async remove(): Promise<void> {
    await this.#installer?.remove();
    await this.#listening?.close();
    this.#listening = undefined;
    await this.#pool.remove();
  }
}
