import { silentLogger } from '../../logger.ts';
import { Eventually } from '../../testing/eventually.ts';
import type { ApiFailure } from '../client/api-failure.ts';
import { isRecord, type StoredObject } from '../client/kube-object.ts';
import { Reflector } from '../reflector/reflector.ts';
import type { Change } from '../reflector/store.ts';
import { resourceTypes } from '../resource-type.ts';
import type { FakeApiServerOptions } from './fake-api-server.ts';
import { type FakeCluster, fakeCluster, passing, settled, tenantOf } from './fake-cluster.ts';

const tenants = resourceTypes.tenant;

export interface KeptTenant {
  readonly name: string;
  readonly cidr: string;
}

/** A reflector of tenants beside a fake API server. A CIDR of `broken` cannot be read, and one of `none` is not kept. */
export class ReflectorBench {
  readonly cluster: FakeCluster;
  readonly reflector: Reflector<KeptTenant>;
  readonly failures = new Eventually<ApiFailure>();
  /** `Added web`, in order. */
  changes: string[] = [];

  private constructor(cluster: FakeCluster) {
    const { client, clock } = cluster;
    this.cluster = cluster;
    this.reflector = new Reflector({
      client,
      clock,
      type: tenants,
      project,
      random: () => 0.5,
      logger: silentLogger(),
      observer: {
        event: () => undefined,
        relisted: () => undefined,
        failed: (_type, failure) => this.failures.push(failure),
      },
    });
    this.reflector.store.onChange((change: Change<KeptTenant>) =>
      this.changes.push(`${change.type} ${change.entry.key}`),
    );
  }

  static async create(options: FakeApiServerOptions = {}): Promise<ReflectorBench> {
    return new ReflectorBench(await fakeCluster(options));
  }

  /** Starts the reflector and waits until it has read everything. */
  async synced(): Promise<void> {
    this.reflector.start();
    await settled('everything is read', () => this.reflector.state.isCurrent);
  }

  /** Lets time pass until it has read everything once more. */
  async readAgain(): Promise<void> {
    const { relists } = this.reflector.state;
    await passing(this.cluster.clock, 'everything is read again', () => this.reflector.state.relists > relists);
  }

  put(name: string, cidr: string): void {
    const { storage } = this.cluster.server;
    if (storage.has(tenants, name)) storage.update(tenants, tenantOf(name, cidr));
    else storage.create(tenantOf(name, cidr));
  }

  delete(name: string): void {
    this.cluster.server.storage.delete(tenants, name);
  }

  /** `name=cidr` of everything in the store. */
  kept(): string {
    const { store } = this.reflector;
    return store
      .values()
      .map(({ name, cidr }) => `${name}=${cidr}`)
      .join(' ');
  }

  /** Lets two minutes pass that end with a bookmark. */
  async bookmark(): Promise<void> {
    const { clock, server } = this.cluster;
    clock.advance(120_000);
    server.watches.bookmark();
    const now = clock.now();
    await settled('the bookmark arrived', () => this.reflector.state.lastProgress === now);
  }

  async close(): Promise<void> {
    await this.reflector.stop();
    await this.cluster.close();
  }
}

function project({ metadata, spec }: StoredObject): KeptTenant | undefined {
  const members = isRecord(spec) && Array.isArray(spec['members']) ? spec['members'] : [];
  const cidr = String((members[0] as { cidrs: string[] }).cidrs[0]);
  if (cidr === 'broken') throw new Error('cannot be read');
  return cidr === 'none' ? undefined : { name: metadata.name, cidr };
}
