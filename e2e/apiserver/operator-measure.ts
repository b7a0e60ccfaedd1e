// Prints what an operator needs at scale: `node e2e/apiserver/operator-measure.ts [operator.mjs]`.
import { readFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { pathOf, resourceTypes } from '@quiver/operator/kubernetes';
import { eventually, now } from '../harness/eventually.ts';
import { metricsOf, OperatorsUnderTest, type RunningOperator } from './operators-under-test.ts';
import { ServerUnderTest } from './server-under-test.ts';

const scale = { services: 1_000, routes: 1_000, pods: 5_000, peers: 50 };
const changes = 100;
const quiver = 'quiver.dev/v1alpha1';

/** Runs the work for 0, 1, … with some at the same time. */
async function parallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const indices = Array.from({ length: count }, (_, index) => index).values();
  const worker = async (): Promise<void> => {
    for (const index of indices) await work(index);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function fill(operators: OperatorsUnderTest): Promise<void> {
  const inDefault = (name: string) => ({ namespace: 'default', name });
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'default' } };
  await operators.create({
    apiVersion: quiver,
    kind: 'Tenant',
    metadata: { name: 'web' },
    spec: { members: [{ namespaceSelector }] },
  });
  await parallel(scale.peers, (index) =>
    operators.create({
      apiVersion: quiver,
      kind: 'Peer',
      metadata: { name: `peer-${index}` },
      spec: { router: `peer-${index}`, waypoints: [{ name: 'node1', address: `203.0.113.${index + 1}` }] },
    }),
  );
  await parallel(scale.services, (index) =>
    operators.create({
      apiVersion: quiver,
      kind: 'Service',
      metadata: inDefault(`s${index}`),
      spec: { ports: [{ protocol: 'TCP', port: 5432 }], access: [{ tenant: 'web' }] },
    }),
  );
  await parallel(scale.routes, (index) =>
    operators.create({
      apiVersion: quiver,
      kind: 'ServiceRoute',
      metadata: inDefault(`s${index}`),
      spec: { service: `s${index}`, peers: [{ name: `peer-${index % scale.peers}` }] },
    }),
  );
}

async function fillPods(subject: ServerUnderTest, operators: OperatorsUnderTest): Promise<void> {
  await subject.write('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  await parallel(scale.pods, async (index) => {
    const name = `p${index}`;
    const metadata = { namespace: 'default', name, labels: { app: `app-${index % 100}`, tier: 'web' } };
    const spec = { nodeName: 'node1', containers: [{ name: 'main', image: 'none' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
    await operators.create(pod);
    const ip = `10.244.${index >> 8}.${index & 255}`;
    const path = `/api/v1/namespaces/default/pods/${name}/status`;
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
    await subject.write('PATCH', path, { status }, 'application/merge-patch+json');
  });
}

function rss({ process: { pid } }: RunningOperator): number {
  const kibibytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kibibytes) / 1024);
}

/** Seconds of processor that the process has used. */
function processor({ process: { pid } }: RunningOperator): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function readyOperator(operators: OperatorsUnderTest, index: number): Promise<[RunningOperator, number]> {
  const began = now();
  const operator = operators.begin(index);
  const look = async (): Promise<true | undefined> => {
    const response = await fetch(`http://127.0.0.1:${operator.ports.health}/readyz`).catch(() => undefined);
    return response?.status === 200 ? true : undefined;
  };
  await eventually('ready', look, { within: 60_000, every: 20 });
  return [operator, now() - began];
}

async function statusesWritten(subject: ServerUnderTest): Promise<boolean> {
  const all = [...(await subject.all(resourceTypes.service)), ...(await subject.all(resourceTypes.serviceRoute))];
  return all.every(({ status }) => (status as { readonly observedGeneration?: number })?.observedGeneration === 1);
}

/** Resolves when the operator has written nothing for ten seconds. */
async function writesNothing(operator: RunningOperator): Promise<void> {
  const writes = async (): Promise<string> =>
    [...(await metricsOf(operator)).matchAll(/^quiver_operator_writes_total.*$/gm)].join();
  let before = '';
  const isStill = async (): Promise<true | undefined> => {
    const last = before;
    before = await writes();
    return last === before ? true : undefined;
  };
  await eventually('it rests', isStill, { within: 180_000, every: 10_000 });
}

function percentile(values: readonly number[], share: number): number {
  return Math.round(values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1] ?? 0);
}

async function measureChanges(subject: ServerUnderTest, received: () => number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < changes; index += 1) {
    const path = `${pathOf(resourceTypes.service, { namespace: 'default' })}/s${index}`;
    const before = received();
    const began = now();
    const spec = { ports: [{ protocol: 'TCP', port: 6_000 + index }] };
    await subject.write('PATCH', path, { spec }, 'application/merge-patch+json');
    await eventually('the node has it', () => received() > before || undefined, { every: 1 });
    times.push(now() - began);
  }
  return times;
}

async function measure(program: readonly string[] | undefined): Promise<void> {
  const subject = await ServerUnderTest.start();
  const operators = await OperatorsUnderTest.prepare(subject, program);
  try {
    const token = await operators.node('node1', '198.51.100.11');
    await fill(operators);
    await fillPods(subject, operators);
    const [first, coldReady] = await readyOperator(operators, 1);
    const leader = await operators.leader();
    const began = now();
    const agent = await operators.agent(leader, token, 'node1');
    await agent.messages.first(({ $case }) => $case === 'snapshot');
    await eventually('every status is written', async () => (await statusesWritten(subject)) || undefined, {
      within: 120_000,
      every: 500,
    });
    const full = now() - began;
    const loaded = rss(first);
    const times = await measureChanges(subject, () => agent.messages.seen.length);
    await writesNothing(first);
    const [cpuBefore, timeBefore] = [processor(first), now()];
    await pass(60_000);
    const rest = ((processor(first) - cpuBefore) / ((now() - timeBefore) / 1_000)) * 100;
    const [second, warmReady] = await readyOperator(operators, 2);
    const translation = /translation_duration_seconds_(sum|count) ([\d.]+)\n.*?_count (\d+)/s.exec(
      await metricsOf(first),
    );
    console.table({
      'services, routes, pods, peers': Object.values(scale).join(' '),
      'start to ready, ms': Math.round(coldReady),
      'second one to ready, ms': Math.round(warmReady),
      'first status pass of all objects, ms': Math.round(full),
      'change to node p50, ms': percentile(times, 0.5),
      'change to node p99, ms': percentile(times, 0.99),
      'leader RSS after the pass, MiB': loaded,
      'leader RSS at rest, MiB': rss(first),
      'standby RSS, MiB': rss(second),
      'processor at rest, %': rest.toFixed(2),
      'mean translation, ms':
        translation === null ? '' : ((Number(translation[2]) / Number(translation[3])) * 1_000).toFixed(1),
    });
  } finally {
    await operators.close();
    await subject.close();
  }
}

const [program] = process.argv.slice(2);
await measure(program === undefined ? undefined : [program]);
