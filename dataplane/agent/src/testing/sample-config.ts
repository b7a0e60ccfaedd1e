import { createHash } from 'node:crypto';
import { HealthProbe, NodeConfig, Route, Service, Snapshot } from '@quiver/dataplane-api';
import type { Candidate } from '../config/candidate.ts';
import { Secrets } from '../config/secrets.ts';

export const identity = { fabric: 'demo', router: 'a', node: 'a1' };

const secret = Buffer.from('0123456789abcdef0123456789abcdef');
export const materials = [{ secretId: 'fabric-secret-1', value: secret }];

/** A configuration of node a1; the services are what a test changes. */
export function sampleConfig(services: Service[] = [], node = 'a1'): NodeConfig {
  const digest = createHash('sha256').update(secret).digest('hex');
  return NodeConfig.create({
    ...identity,
    node,
    keySource: { sharedSecret: { active: 1, versions: [{ version: 1, secretId: 'fabric-secret-1', digest }] } },
    services,
  });
}

export function serviceWithTargets(name: string, ...targets: [address: string, port: number][]): Service {
  const route = Route.create({
    name,
    targets: targets.map(([address, port]) => ({ address, port, weight: 1, healthy: true })),
    health: { probe: HealthProbe.HEALTH_PROBE_TCP, intervalMs: 5_000, timeoutMs: 500, failures: 2, successes: 1 },
  });
  return Service.create({ name, routes: [route] });
}

export function digestOf(config: NodeConfig): string {
  return createHash('sha256').update(NodeConfig.encode(config).finish()).digest('hex');
}

export function sampleSnapshot(version: bigint, config = sampleConfig(), epoch = 7n): Snapshot {
  return Snapshot.create({ version, epoch, digest: digestOf(config), config, secrets: materials });
}

export function sampleCandidate(version: bigint, config = sampleConfig()): Candidate {
  return { version, epoch: 7n, digest: digestOf(config), config, secrets: new Secrets(materials), origin: 'Operator' };
}
