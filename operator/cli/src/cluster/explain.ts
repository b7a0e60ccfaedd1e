import { Explanation } from '@quiver/dataplane-api';
import { type ExplainOptions, renderSteps } from '../commands/explain.ts';
import { exitCodes } from '../failure.ts';
import { structured } from '../output/format.ts';
import { askAgent } from './ask.ts';
import type { Cluster } from './cluster.ts';
import {
  type Dialled,
  type Found,
  type Protocol,
  parsePod,
  parseService,
  podStep,
  portStep,
  type Step,
  serviceStep,
} from './conversation.ts';
import { farSteps } from './far-end.ts';
import { hintsFor } from './hints.ts';
import { type Agent, findInstallation } from './installation.ts';
import { withClusters } from './options.ts';
import { type Pod, podOf } from './pod.ts';
import { objectNamed } from './quiver-objects.ts';
import type { Reporting } from './report.ts';

/** What would happen to a conversation, with what the objects have to say about it. */
interface Told {
  readonly explanation: Explanation;
  readonly hints: readonly string[];
}

/** Explains a pod's conversation with a service: what the API server knows, then what the engine of the pod's node decides. */
export function explainInCluster(options: ExplainOptions, { context, outcome }: Reporting): Promise<void> {
  const client = parsePod(options.from);
  const dialled = parseService(options.to, client.namespace);
  return withClusters(options, context, async ([cluster, ...others]) => {
    const object = await cluster.get(`/api/v1/namespaces/${client.namespace}/pods/${client.name}`);
    const pod = object === undefined ? undefined : podOf(object);
    const near = await explainFrom(cluster, podStep(client, pod), dialled, options);
    const far = near.verdict === 'Forwarded' ? await farSteps(cluster, others, dialled.service) : [];
    const explanation = withFar(near, far);
    const isFine = explanation.verdict === 'Forwarded';
    const hints = isFine ? [] : await hintsFor(cluster, pod, dialled.service);
    context.stdout.write(render({ explanation, hints }, options.output, context.hasColor));
    if (!isFine) outcome.exitCode = exitCodes.failure;
  });
}

function withFar(near: Explanation, far: readonly Step[]): Explanation {
  const steps = [...near.steps, ...far];
  const failed = far.find(({ passed }) => !passed);
  return failed === undefined
    ? { ...near, steps }
    : { ...near, steps, verdict: 'Denied', reason: `at the other end: ${failed.step}` };
}

async function explainFrom(
  cluster: Cluster,
  pod: Found<Pod>,
  { service: named, port }: Dialled,
  options: ExplainOptions,
): Promise<Explanation> {
  if (pod.value === undefined) return refusedBy([pod]);
  const { agents } = await findInstallation(cluster, options.namespace);
  const agent = agentStep(pod.value, agents);
  if (agent.value === undefined) return refusedBy([pod, agent]);
  const service = await objectNamed(cluster, 'Service', named);
  const address = serviceStep(named, service, pod.value);
  if (address.value === undefined || service === undefined) return refusedBy([pod, agent, address]);
  const dialled = portStep(service, port, options.protocol);
  if (dialled.value === undefined) return refusedBy([pod, agent, address, dialled]);
  const command = engineCommand(pod.value, address.value, dialled.value, options.interface);
  const answer = await askAgent(cluster, agent.value, command, (json) => Explanation.fromJSON(json));
  if ('error' in answer) return refusedBy([pod, { step: { ...agent.step, passed: false, detail: answer.error } }]);
  const before = [pod, agent, address, dialled].map(({ step }) => step);
  return { ...answer.value, steps: [...before, ...answer.value.steps] };
}

function agentStep({ node }: Pod, agents: readonly Agent[]): Found<Agent> {
  const step = (passed: boolean, detail: string): Step => ({ step: 'node', passed, detail });
  const agent = agents.find((one) => one.node === node);
  if (agent === undefined)
    return {
      step: step(false, `no agent runs on ${node}; let the DaemonSet's tolerations and node selector admit it`),
    };
  if (agent.trouble !== undefined) return { step: step(false, `the agent of ${node}: ${agent.trouble}`) };
  return { step: step(true, `the agent of ${node} is asked, from the tables in force`), value: agent };
}

function engineCommand(
  { addresses }: Pod,
  to: string,
  { port, protocol }: { readonly port: number; readonly protocol: Protocol },
  device: string | undefined,
): readonly string[] {
  const isSix = to.includes(':');
  const from = addresses.find((address) => address.includes(':') === isSix) ?? '';
  const target = isSix ? `[${to}]:${port}` : `${to}:${port}`;
  const interfaceFlags = device === undefined ? [] : ['--interface', device];
  return [
    'explain',
    '--from',
    from,
    '--to',
    protocol === 'icmp' ? to : target,
    '--protocol',
    protocol,
    ...interfaceFlags,
  ];
}

function refusedBy(steps: readonly Found<unknown>[]): Explanation {
  const last = steps.at(-1)?.step;
  return Explanation.create({
    steps: steps.map(({ step }) => step),
    verdict: 'Denied',
    reason: `no ${last?.step ?? ''}`,
  });
}

function render({ explanation, hints }: Told, output: ExplainOptions['output'], hasColor: boolean): string {
  if (output !== 'text') return structured({ ...(Explanation.toJSON(explanation) as object), hints }, output);
  return renderSteps(explanation, hasColor) + hints.map((hint) => `${hint}\n`).join('');
}
