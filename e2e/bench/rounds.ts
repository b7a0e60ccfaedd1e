import type { Process } from '../harness/process.ts';
import { serveIperf } from '../harness/servers.ts';
import type { Baselines } from './baselines.ts';
import { Chain, ports } from './chain.ts';
import { type Lengths, type MeasureName, measure, type Sample, throughput } from './measures.ts';
import { nft, routing, vxlan } from './ways/kernel.ts';
import { quiver } from './ways/quiver.ts';
import type { Way, WayName } from './ways/way.ts';
import { wireguard } from './ways/wireguard.ts';

export interface Plan {
  readonly ways: readonly WayName[];
  readonly rounds: number;
  readonly lengths: Lengths;
  /** Path of the load program. */
  readonly load: string;
  readonly baselines: Baselines;
  readonly progress: (what: string) => void;
}

/** Median, lowest and highest of the rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Throughput with packets of their real size on the wide area link. */
export interface WireSample {
  readonly wireTcp1: number;
  readonly wireTcp4: number;
  readonly wireCpuPerGb: number;
}

export type Figures = Readonly<Record<MeasureName | keyof WireSample, Spread>>;
export type Results = ReadonlyMap<WayName, Figures>;

/** Measures every way once in each round, one after the other: what else happens on the machine meets all alike. */
export async function runRounds(plan: Plan): Promise<Results> {
  const ways: Way[] = [];
  const samples = new Map<WayName, (Sample & WireSample)[]>();
  try {
    for (const name of plan.ways) {
      plan.progress(`setting up ${name}`);
      ways.push(await open(name, plan));
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const way of ways) {
        plan.progress(`round ${round} of ${plan.rounds}: ${way.name}`);
        const sample = { ...(await measure(way, plan.load, plan.lengths)), ...(await measureWire(way, plan.lengths)) };
        samples.set(way.name, [...(samples.get(way.name) ?? []), sample]);
      }
    }
  } finally {
    for (const way of ways) await way.close();
  }
  return new Map([...samples].map(([name, all]) => [name, summarize(all)]));
}

async function open(name: WayName, plan: Plan): Promise<Way> {
  const chain = await Chain.make(name);
  const servers: Process[] = [];
  const stopServers = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
  };
  try {
    servers.push(chain.server.start([plan.load, 'serve', '--listen', `0.0.0.0:${ports.load}`]));
    await servers[0]?.hasPrinted(/listening/);
    servers.push(await serveIperf(chain.server, ports.iperf));
    const way = await carry(name, chain, plan);
    return { ...way, close: () => stopServers().then(() => way.close()) };
  } catch (caught) {
    await stopServers();
    await chain.remove();
    throw caught;
  }
}

function carry(name: WayName, chain: Chain, { baselines }: Plan): Promise<Way> {
  switch (name) {
    case 'routing':
      return routing(chain);
    case 'nft':
      return nft(chain);
    case 'vxlan':
      return vxlan(chain);
    case 'wireguard-go':
    case 'tailscale':
    case 'boringtun':
      return wireguard(chain, name, baselines);
    case 'quiver-clear':
    case 'quiver-sealed':
    case 'quiver-compat':
      return quiver(chain, name);
  }
}

async function measureWire(way: Way, { tcpSeconds }: Lengths): Promise<WireSample> {
  await way.chain.useRealPackets();
  try {
    const one = await throughput(way, 1, tcpSeconds);
    const four = await throughput(way, 4, tcpSeconds);
    return { wireTcp1: one.gbps, wireTcp4: four.gbps, wireCpuPerGb: one.cpuPerGb };
  } finally {
    await way.chain.useOffloads();
  }
}

function summarize(samples: readonly (Sample & WireSample)[]): Figures {
  const [first] = samples;
  if (first === undefined) throw new Error('a way was never measured');
  const names = Object.keys(first) as (keyof Figures)[];
  return Object.fromEntries(names.map((name) => [name, spread(samples.map((sample) => sample[name]))])) as Figures;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, low: sorted[0] ?? 0, high: sorted.at(-1) ?? 0 };
}
