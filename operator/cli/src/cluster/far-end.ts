import { StatusResponse } from '@quiver/dataplane-api';
import { answered, askAgents } from './ask.ts';
import type { Cluster } from './cluster.ts';
import type { Named, Step } from './conversation.ts';
import { findInstallation } from './installation.ts';
import { objectNamed, objectsOf, readiness } from './quiver-objects.ts';

/** What the other clusters that were named say about a service, where this one's routes lead to them. */
export async function farSteps(near: Cluster, others: readonly Cluster[], service: Named): Promise<readonly Step[]> {
  if (others.length === 0) return [];
  const routers = await peerRoutersOf(near, service);
  const steps = await Promise.all(others.map((cluster) => stepsAt(cluster, routers, service)));
  return steps.flat();
}

/** Names of the routers to which the service's routes lead. */
async function peerRoutersOf(cluster: Cluster, service: Named): Promise<ReadonlySet<string>> {
  const [routes, peers] = await Promise.all([objectsOf(cluster, 'ServiceRoute'), objectsOf(cluster, 'Peer')]);
  const own = routes.filter(isOf(service));
  const names = new Set(own.flatMap(({ spec }) => (spec.peers ?? []).map(({ name }) => name)));
  return new Set(peers.filter(({ metadata }) => names.has(metadata.name)).map(({ spec }) => spec.router));
}

async function stepsAt(cluster: Cluster, routers: ReadonlySet<string>, service: Named): Promise<readonly Step[]> {
  const router = await routerOf(cluster);
  const step = (passed: boolean, detail: string): Step => ({ step: cluster.context, passed, detail });
  if (router === undefined) return [step(false, 'no agent there answers')];
  if (!routers.has(router)) return [step(false, `its router is ${router}, to which no route of this service leads`)];
  const [there, routes] = await Promise.all([
    objectNamed(cluster, 'Service', service),
    objectsOf(cluster, 'ServiceRoute'),
  ]);
  const title = `${service.namespace}/${service.name}`;
  if (there === undefined) return [step(false, `there is no Quiver Service ${title}; apply it there, too`)];
  const { status, reason, message } = readiness(there);
  if (status !== 'True') return [step(false, `Service ${title} is not ready (${reason}): ${message}`)];
  const local = routes
    .filter(isOf(service))
    .filter(({ spec }) => spec.endpoints !== undefined || spec.targets !== undefined);
  const ready = local.find((route) => readiness(route).status === 'True');
  if (ready !== undefined) return [step(true, `router ${router} serves ${title} by route ${ready.metadata.name}`)];
  const why = local.map((route) => `${route.metadata.name} is not ready (${readiness(route).reason})`).join(', ');
  return [step(false, why === '' ? `no route there has endpoints or targets for ${title}` : why)];
}

async function routerOf(cluster: Cluster): Promise<string | undefined> {
  const { agents } = await findInstallation(cluster, undefined);
  const answers = await askAgents(cluster, agents.slice(0, 3), ['status'], (answer) => StatusResponse.fromJSON(answer));
  return answered(answers)[0]?.value.router;
}

function isOf({ namespace, name }: Named) {
  return ({
    metadata,
    spec,
  }: {
    readonly metadata: { readonly namespace?: string };
    readonly spec: { readonly service: string };
  }) => metadata.namespace === namespace && spec.service === name;
}
