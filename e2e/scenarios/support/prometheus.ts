import { mkdtempSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../../harness/eventually.ts';
import { guardFolder } from '../../harness/leftover-guard.ts';
import { Process } from '../../harness/process.ts';
import type { Site } from './site.ts';

const LISTEN = '127.0.0.1:9090';

/** A target as Prometheus tells it. */
export interface ScrapeTarget {
  readonly health: string;
  readonly lastError: string;
  readonly scrapeUrl: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface FiringAlert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Debian's Prometheus on the first node of a cluster. It is built without discovery in Kubernetes, so that is done here: by
 * the annotations that users' Prometheus reads.
 */
export class Prometheus {
  readonly #site: Site;
  readonly #process: Process;
  readonly #folder: string;
  readonly #guard: { release: () => void };

  private constructor(site: Site, folder: string) {
    this.#site = site;
    this.#folder = folder;
    this.#guard = guardFolder(folder);
    const flags = [`--config.file=${folder}/prometheus.yaml`, `--storage.tsdb.path=${folder}/data`];
    const command = ['prometheus', ...flags, `--web.listen-address=${LISTEN}`];
    // In the network of the node alone, so that it hears signals.
    const net = `--net=/run/netns/${site.cluster.first.machine.namespace}`;
    this.#process = new Process(['nsenter', net, '--', ...command]);
  }

  /** Starts it with these rules; resolves when it answers. */
  static async start(site: Site, rules: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'quiver-prometheus-'));
    await writeFile(join(folder, 'rules.yaml'), rules);
    await writeFile(join(folder, 'prometheus.yaml'), stringify(settings(folder)));
    const prometheus = new Prometheus(site, folder);
    await prometheus.discover();
    const answers = async (): Promise<readonly ScrapeTarget[]> => {
      if (prometheus.#process.hasEnded) throw new Error(`it ended: ${prometheus.#process.stderr.slice(-1000)}`);
      return prometheus.targets();
    };
    await eventually('Prometheus answers', answers, { within: 30_000, every: 200 });
    return prometheus;
  }

  /** Looks which pods there are to scrape now. */
  async discover(): Promise<void> {
    const pods = JSON.parse(await this.#site.cluster.kubectl(['get', 'pods', '-A', '-o', 'json'])) as PodList;
    const groups = pods.items.flatMap(({ metadata, status }) => {
      const {
        'prometheus.io/scrape': scrape,
        'prometheus.io/port': port,
        'prometheus.io/path': path = '/metrics',
      } = metadata.annotations ?? {};
      const isMeant = scrape === 'true' && status.podIP !== undefined && metadata.deletionTimestamp === undefined;
      const component = metadata.labels?.['app.kubernetes.io/component'] ?? '';
      const labels = { namespace: metadata.namespace, component, __metrics_path__: path };
      return isMeant ? [{ targets: [`${status.podIP}:${port}`], labels }] : [];
    });
    const file = join(this.#folder, 'targets.json');
    await writeFile(`${file}.new`, JSON.stringify(groups));
    await rename(`${file}.new`, file);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    this.#guard.release();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async targets(): Promise<readonly ScrapeTarget[]> {
    const { activeTargets } = await this.#ask<{ readonly activeTargets: readonly ScrapeTarget[] }>(
      'targets?state=active',
    );
    return activeTargets;
  }

  async alerts(): Promise<readonly FiringAlert[]> {
    return (await this.#ask<{ readonly alerts: readonly FiringAlert[] }>('alerts')).alerts;
  }

  async #ask<T>(path: string): Promise<T> {
    const url = `http://${LISTEN}/api/v1/${path}`;
    const output = await this.#site.cluster.first.machine.must(['curl', '-sf', '--max-time', '5', url]);
    return (JSON.parse(output) as { readonly data: T }).data;
  }
}

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly namespace: string;
      readonly deletionTimestamp?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly status: { readonly podIP?: string };
  }[];
}

function settings(folder: string): object {
  const files = [join(folder, 'targets.json')];
  return {
    global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' },
    rule_files: [join(folder, 'rules.yaml')],
    scrape_configs: [{ job_name: 'pods', file_sd_configs: [{ files, refresh_interval: '2s' }] }],
  };
}
