// Time from a change of the cluster to the configurations of all nodes: `node e2e/bench/translate.ts [--rounds N] [--large]`.
// No network and no disk takes part. Medians of processor time, so that a busy machine shows the same as an idle one.
import { parseArgs } from 'node:util';
import { assertValid } from '../../operator/src/ir/validate.ts';
import { projectAll } from '../../operator/src/project/node-config.ts';
import { objectsOf } from '../../operator/src/source/snapshot.ts';
import { makeStatus } from '../../operator/src/status/status-report.ts';
import { translate } from '../../operator/src/translate/index.ts';
import { Memory } from '../../operator/src/translate/memory.ts';
import { makeWorld, type Size, withNewService, withStartedPod, withUnreadyEndpoint } from './translation/world.ts';

type World = ReturnType<typeof makeWorld>;

const usual: Size = { services: 1000, pods: 5000, peers: 50, nodes: 10 };
const large: Size = { services: 10_000, pods: 100_000, peers: 50, nodes: 1000 };

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, large: { type: 'boolean', default: false } },
});

interface Times {
  readonly translate: number;
  readonly validate: number;
  readonly project: number;
  readonly status: number;
}

function measure(world: World, memory: Memory): Times {
  const start = now();
  const { ir, problems } = translate(world, memory);
  const translated = now();
  assertValid(ir);
  const validated = now();
  const projected = projectAll(ir);
  const done = now();
  const nodes = projected.map(({ node, config }) => {
    const knowledge = { node, wanted: config, acknowledged: config, rejected: [], isConnected: true, paths: [] };
    return { ...knowledge, version: 1n, report: undefined };
  });
  const objects = objectsOf({ ...world, secrets: [], problems: [], locate: () => undefined });
  makeStatus({ ir, objects, problems, nodes, previous: undefined, now: '2026-01-01T00:00:00Z' });
  const told = now();
  return {
    translate: translated - start,
    validate: validated - translated,
    project: done - validated,
    status: told - done,
  };
}

function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function show(name: string, times: readonly Times[]): void {
  const of = (part: keyof Times) => median(times.map((one) => one[part]));
  const total = median(times.map((one) => one.translate + one.project));
  const parts = (['translate', 'validate', 'project', 'status'] as const).map(
    (part) => `${part} ${of(part).toFixed(1)}`,
  );
  console.log(`${name.padEnd(28)} translate+project ${total.toFixed(1)} ms   (${parts.join(', ')})`);
}

function run(size: Size, rounds: number): void {
  console.log(
    `\n${size.services} services, ${size.services} routes, ${size.pods} pods, ${size.peers} peers, ${size.nodes} nodes`,
  );
  const series = Array.from({ length: rounds }, (_, index) => index);
  show(
    'everything is new',
    series.map(() => measure(makeWorld(size), new Memory())),
  );
  let world = makeWorld(size);
  const memory = new Memory();
  measure(world, memory);
  const change = (step: (index: number) => World) =>
    series.map((index) => {
      world = step(index);
      return measure(world, memory);
    });
  show(
    'one pod has started',
    change((index) => withStartedPod(world, index)),
  );
  show(
    'one endpoint is not ready',
    change((index) => withUnreadyEndpoint(world, index * 2)),
  );
  show(
    'one service is new',
    change((index) => withNewService(world, size.services + index)),
  );
  console.log(`memory: ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident`);
}

run(usual, Number(options.rounds));
if (options.large) run(large, 2);
