import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KubernetesTools, kubernetesTools } from '../tools/helm.ts';
import { type Binaries, ensureBinaries, type Say } from './binaries/build.ts';
import { Cluster } from './cluster.ts';
import { type BaseImages, ensureBaseImages } from './images/base.ts';
import { type ClusterPlan, clusterPlans, type PrimaryCni, primaryPlan } from './network/plan.ts';
import { Wan } from './network/wan.ts';
import { Vm } from './vm.ts';

export interface LabOptions {
  /** Folder that is kept between runs. */
  readonly cache: string;
  /** Several labs may stand beside each other; empty for the usual one. */
  readonly name: string;
  readonly say: Say;
}

/** The two clusters, the machine without Kubernetes, and the network between them. */
export class Lab {
  readonly folder: string;
  readonly wan: Wan;
  /** The two that are always there when the lab is up. */
  readonly clusters: readonly Cluster[];
  /** A third one, up only while somebody wants it. */
  readonly third: Cluster;
  readonly vm: Vm;
  readonly tools: KubernetesTools;
  readonly binaries: Binaries;
  readonly images: BaseImages;
  readonly say: Say;

  private constructor(options: LabOptions, parts: Pick<Lab, 'tools' | 'binaries' | 'images'>) {
    const prefix = options.name === '' ? 'qk-' : `qk-${options.name}-`;
    this.folder = join(options.cache, 'run', options.name === '' ? 'lab' : `lab-${options.name}`);
    this.say = options.say;
    this.tools = parts.tools;
    this.binaries = parts.binaries;
    this.images = parts.images;
    this.wan = new Wan(`${prefix}wan`);
    this.vm = new Vm(this.wan, `${prefix}vm`, join(this.folder, 'vm'));
    const cluster = (plan: ClusterPlan): Cluster =>
      new Cluster({
        plan,
        prefix,
        wan: this.wan,
        folder: join(this.folder, plan.name),
        binaries: parts.binaries,
        kubectl: parts.tools.kubectl,
      });
    this.clusters = clusterPlans.map(cluster);
    this.third = cluster(primaryPlan);
  }

  /** Builds or fetches what a lab is made of, and finds it in whatever state it is. */
  static async open(options: LabOptions): Promise<Lab> {
    const binaries = await ensureBinaries(options.cache, options.say);
    const images = await ensureBaseImages(options.cache, options.say);
    return new Lab(options, { binaries, images, tools: await kubernetesTools() });
  }

  get isUp(): boolean {
    return this.clusters.every(({ isUp }) => isUp);
  }

  /** @throws when there is no such cluster. */
  cluster(name: string): Cluster {
    const all = [...this.clusters, this.third];
    const found = all.find((cluster) => cluster.name === name);
    const names = all.map((cluster) => cluster.name).join(', ');
    if (found === undefined) throw new Error(`There is no cluster "${name}"; the clusters are ${names}.`);
    return found;
  }

  /** Brings up what is not up; what is half there from a run that was killed goes first. */
  async up(cni: PrimaryCni = 'bridge'): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await this.wan.ensure();
    const { pause, tools } = this.images;
    await Promise.all(
      this.clusters.map(async (cluster) => {
        if (cluster.isUp) return;
        await cluster.down();
        this.say(`bringing up cluster ${cluster.name}`);
        await cluster.up(cni, [pause, tools]);
      }),
    );
  }

  /** Takes everything away that any run has left. */
  async down(): Promise<void> {
    if (existsSync(this.folder)) this.say('taking the clusters down');
    await this.vm.remove();
    await Promise.all([...this.clusters, this.third].map((cluster) => cluster.down()));
    await this.wan.removeIfUnused();
    await rm(this.folder, { recursive: true, force: true });
  }
}
