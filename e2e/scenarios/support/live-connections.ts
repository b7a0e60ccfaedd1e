import { eventually } from '../../harness/eventually.ts';
import { podLog } from './pod-log.ts';
import { type PodOptions, programPod } from './pods.ts';
import type { Site } from './site.ts';

/** What a pod with connections tells. */
export interface LiveReport {
  /** Connections that live. */
  readonly live: number;
  readonly ended: readonly { readonly server: string; readonly why: string }[];
  /** Lines that came back, of all connections together. */
  readonly answers: number;
  /** Milliseconds between two answers on one connection, the longest there was. */
  readonly longestGap: number;
  /** Milliseconds since the last answer on the connection that waits longest. */
  readonly silence: number;
  /** Connections by the pod that serves them. */
  readonly servers: Readonly<Record<string, number>>;
}

export interface LiveOptions extends PodOptions {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly count: number;
  readonly node: string;
}

/**
 * A pod that holds TCP connections, each with a line to and fro ten times a second. What it tells is read from its
 * node's disk, so that it is heard when the API server is not.
 */
export class LiveConnections {
  readonly #site: Site;
  readonly #options: LiveOptions;

  private constructor(site: Site, options: LiveOptions) {
    this.#site = site;
    this.#options = options;
  }

  /** Resolves when all of them have been answered. */
  static async open(site: Site, options: LiveOptions): Promise<LiveConnections> {
    const { namespace, name, host, port, count } = options;
    const program = ['connections.ts', host, String(port), String(count)] as const;
    const labels = { role: 'buyer', ...options.labels };
    await site.apply(programPod(namespace, name, program, { ...options, labels }));
    const connections = new LiveConnections(site, options);
    await connections.reports('are all open', ({ live, answers }) => live === count && answers >= count, 60_000);
    return connections;
  }

  /** Its last report. */
  report(): LiveReport {
    const lines = podLog(this.#site, this.#options);
    const line = lines.findLast((one) => one.startsWith('{'));
    if (line === undefined) throw new Error(`${this.#options.name} has reported nothing yet: ${lines.join(' ')}`);
    return JSON.parse(line) as LiveReport;
  }

  /** Resolves with the first report that is as wanted. */
  async reports(what: string, isWanted: (report: LiveReport) => boolean, within = 20_000): Promise<LiveReport> {
    let last: LiveReport | undefined;
    const look = (): LiveReport | undefined => {
      last = this.report();
      return isWanted(last) ? last : undefined;
    };
    try {
      return await eventually(`the connections of ${this.#options.name} ${what}`, look, { within, every: 100 });
    } catch (caught) {
      throw new Error(`${(caught as Error).message}; they tell ${JSON.stringify(last)}`, { cause: caught });
    }
  }

  /** Resolves when each of them has been answered `rounds` times more. */
  async goOn(rounds = 10, within = 30_000): Promise<LiveReport> {
    const before = this.report();
    const wanted = before.answers + rounds * before.live;
    return this.reports('go on', ({ answers, silence }) => answers >= wanted && silence < 1000, within);
  }
}
