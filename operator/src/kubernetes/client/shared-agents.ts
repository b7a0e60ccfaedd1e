import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { canonicalJson, digestOf } from '../../ir/canonical.ts';

type Settings = ReturnType<KubeConfig['createDispatcherOptions']>;
type MakeDispatcher = (...args: Parameters<KubeConfig['createDispatcherOptions']>) => Dispatcher | undefined;

/**
 * Limits of every connection. HTTP/1.1 only: over HTTP/2 one dead connection takes all later calls with it.
 * The body's limit lies above the longest silence of a healthy watch.
 */
const limits = { allowH2: false, headersTimeout: 20_000, bodyTimeout: 180_000 } as const;

/** One set of connections for each set of credentials, instead of one for each call. */
export class SharedAgents {
  #key = '';
  #current: Dispatcher | undefined;
  readonly #old = new Set<Promise<void>>();

  /** Makes a kubeconfig use the shared connections. */
  install(config: KubeConfig): void {
    const unshared = (config as unknown as { createDispatcher: MakeDispatcher }).createDispatcher.bind(config);
    const shared: MakeDispatcher = (cluster, options) => {
      const settings = config.createDispatcherOptions(cluster, options);
      return this.#get(settings, () => make(settings) ?? unshared(cluster, options));
    };
    // A private method of the library, yet the only place at which it decides about connections.
    Object.defineProperty(config, 'createDispatcher', { value: shared });
  }

  /** Gives up the connections that carry nothing now: the next calls make new ones. */
  renew(): void {
    this.#retire(this.#current);
    this.#current = undefined;
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#current?.destroy();
    await Promise.all(this.#old);
  }

  #get(settings: Settings, create: () => Dispatcher | undefined): Dispatcher | undefined {
    const key = digestOf(canonicalJson(settings));
    if (key !== this.#key || this.#current === undefined) {
      this.#retire(this.#current);
      this.#key = key;
      this.#current = create();
    }
    return this.#current;
  }

  // Calls under way end by themselves; a watch does within minutes.
  #retire(agent: Dispatcher | undefined): void {
    if (agent === undefined) return;
    const closing = agent.close().finally(() => this.#old.delete(closing));
    this.#old.add(closing);
  }
}

// The library's types allow an explicit undefined where undici's do not.
type Connect = NonNullable<Exclude<Agent.Options['connect'], (...args: never) => unknown>>;
type RequestTls = NonNullable<ProxyAgent.Options['requestTls']>;

function make(settings: Settings): Dispatcher | undefined {
  switch (settings.type) {
    case 'agent':
      return new Agent({ ...limits, connect: settings.connect as Connect });
    case 'none':
      return new Agent(limits);
    case 'proxy': {
      const { uri, requestTls, connect } = settings;
      return new ProxyAgent({ ...limits, uri, requestTls: requestTls as RequestTls, connect: connect as Connect });
    }
    case 'socks':
      return undefined;
  }
}
