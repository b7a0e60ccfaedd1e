import { setImmediate as turn } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { FakeClock } from '../../testing/fake-clock.ts';
import { ApiClient } from '../client/api-client.ts';
import type { KubeObject } from '../client/kube-object.ts';
import { KubeConfigTransport, type Transport } from '../client/transport.ts';
import { FakeApiServer, type FakeApiServerOptions } from './fake-api-server.ts';

/** A fake API server, a client of it, and the time of both. */
export interface FakeCluster {
  readonly server: FakeApiServer;
  readonly client: ApiClient;
  readonly clock: FakeClock;
  close(): Promise<void>;
}

export async function fakeCluster(options: FakeApiServerOptions = {}): Promise<FakeCluster> {
  const server = await FakeApiServer.start(options);
  const clock = new FakeClock();
  const transport = plainTransport(server.url);
  const client = new ApiClient({ transport, clock, namespace: 'quiver-system' });
  const close = async (): Promise<void> => {
    await transport.close();
    await server.close();
  };
  return { server, client, clock, close };
}

/** A transport to a server without certificates. */
export function plainTransport(url: string): Transport {
  const config = new KubeConfig();
  const user = { name: 'test' };
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, user);
  return new KubeConfigTransport(config);
}

/** Lets real connections work and fake time pass, by turns, until it is so. Throws after ten thousand turns. */
export async function passing(clock: FakeClock, what: string, isSo: () => boolean, step = 50): Promise<void> {
  for (let turns = 0; !isSo(); turns += 1) {
    if (turns > 10_000) throw new Error(`it never was so: ${what}`);
    await turn();
    clock.advance(step);
  }
}

/** Lets real connections work, with no time passing. */
export async function settled(what: string, isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns += 1) {
    if (turns > 200_000) throw new Error(`it never was so: ${what}`);
    await turn();
  }
}

export function tenantOf(name: string, cidr = '10.1.0.0/24'): KubeObject {
  return {
    apiVersion: 'quiver.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name },
    spec: { members: [{ cidrs: [cidr] }] },
  };
}
