import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
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

/** Debian's Prometheus on the first node of a cluster; it finds its targets as it does for users, by annotations. */
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
    this.#process = new Process(site.cluster.first.machine.within(command));
  }

  /** Starts it with these rules; resolves when it answers. */
  static async start(site: Site, rules: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'quiver-prometheus-'));
    await writeFile(join(folder, 'rules.yaml'), rules);
    await writeFile(join(folder, 'prometheus.yaml'), stringify(settings(folder, site.cluster.kubeconfig)));
    const prometheus = new Prometheus(site, folder);
    await eventually('Prometheus answers', () => prometheus.targets(), { within: 30_000, every: 200 });
    return prometheus;
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

function settings(folder: string, kubeconfig: string): object {
  const annotation = (name: string): string => `__meta_kubernetes_pod_annotation_prometheus_io_${name}`;
  const address = {
    source_labels: ['__meta_kubernetes_pod_ip', annotation('port')],
    separator: ':',
    target_label: '__address__',
  };
  return {
    global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '2s' },
    rule_files: [join(folder, 'rules.yaml')],
    scrape_configs: [
      {
        job_name: 'pods',
        kubernetes_sd_configs: [{ role: 'pod', kubeconfig_file: kubeconfig }],
        relabel_configs: [
          { source_labels: [annotation('scrape')], action: 'keep', regex: 'true' },
          // One target for a pod, however many ports it names.
          { source_labels: ['__meta_kubernetes_pod_container_init'], action: 'drop', regex: 'true' },
          { source_labels: ['__meta_kubernetes_pod_container_port_name'], action: 'keep', regex: 'metrics' },
          address,
          { source_labels: [annotation('path')], target_label: '__metrics_path__' },
          { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
          { source_labels: ['__meta_kubernetes_pod_label_app_kubernetes_io_component'], target_label: 'component' },
        ],
      },
    ],
  };
}
