import { join } from 'node:path';
import { ports } from './chain.ts';
import { busySeconds, programSeconds } from './processor-time.ts';
import type { Way } from './ways/way.ts';

/** What is measured of a way, all in units of their own: nothing here is a ratio. */
export interface Sample {
  /** Gbit/s of one and of four TCP streams. */
  readonly tcp1: number;
  readonly tcp4: number;
  /** Busy seconds of the whole machine for a gigabyte of one stream, and of the programs at both nodes alone. */
  readonly cpuPerGb: number;
  readonly nodeCpuPerGb: number;
  readonly retransmits: number;
  /** Microseconds from question to answer, TCP, everything on one processor. */
  readonly pinnedP50: number;
  readonly pinnedP99: number;
  readonly pinnedP999: number;
  /** The same where the scheduler puts things. */
  readonly freeP50: number;
  readonly freeP99: number;
  /** Microseconds of the first question from a new port. */
  readonly firstPacketP50: number;
  /** Connections in a second; each carries 32 bytes there and back. */
  readonly connections: number;
  /** Busy microseconds of the whole machine for a connection. */
  readonly cpuPerConnection: number;
  /** Datagrams in a second with at most 0.5 % lost. */
  readonly udp64: number;
  readonly udp1400: number;
}

export type MeasureName = keyof Sample;

export interface Lengths {
  readonly tcpSeconds: number;
  readonly latencySeconds: number;
  readonly connectionSeconds: number;
  readonly probeSeconds: number;
}

/** Measures throughput, with the processor time that it took. */
export async function throughput(way: Way, streams: number, seconds: number): Promise<Throughput> {
  const before = { machine: busySeconds(), programs: programSeconds(way.pids) };
  const command = ['iperf3', '-c', way.target, '-p', String(ports.iperf), '-t', String(seconds), '-P', String(streams)];
  const text = await way.chain.client.must([...command, '-J', '-C', 'cubic']);
  const { end } = JSON.parse(text) as IperfReport;
  const gigabytes = end.sum_received.bytes / 1e9;
  return {
    gbps: end.sum_received.bits_per_second / 1e9,
    retransmits: end.sum_sent.retransmits,
    cpuPerGb: (busySeconds() - before.machine) / gigabytes,
    nodeCpuPerGb: (programSeconds(way.pids) - before.programs) / gigabytes,
  };
}

export interface Throughput {
  readonly gbps: number;
  readonly retransmits: number;
  readonly cpuPerGb: number;
  readonly nodeCpuPerGb: number;
}

interface IperfReport {
  readonly end: {
    readonly sum_sent: { readonly retransmits: number };
    readonly sum_received: { readonly bytes: number; readonly bits_per_second: number };
  };
}

/** Measures everything of a way, once. */
export async function measure(way: Way, load: string, lengths: Lengths): Promise<Sample> {
  const run = (task: string, ...args: readonly string[]): Promise<unknown> => runLoad(way, [load, task], args);
  const one = await throughput(way, 1, lengths.tcpSeconds);
  const four = await throughput(way, 4, lengths.tcpSeconds);
  const latency = ['--seconds', String(lengths.latencySeconds)];
  const pinned = (await whilePinned(way, () =>
    runLoad(way, ['taskset', '-c', '0', load, 'tcp-round-trip'], latency),
  )) as Times;
  const free = (await run('tcp-round-trip', ...latency)) as Times;
  const first = (await whilePinned(way, () =>
    runLoad(way, ['taskset', '-c', '0', load, 'first-packet'], latency),
  )) as Times;
  const connections = await connectionRate(way, load, lengths.connectionSeconds);
  const probe = ['--seconds', String(lengths.probeSeconds), '--loss', '0.005', '--size'];
  const small = (await run('datagrams', ...probe, '64')) as Datagrams;
  const large = (await run('datagrams', ...probe, '1400')) as Datagrams;
  return {
    tcp1: one.gbps,
    tcp4: four.gbps,
    cpuPerGb: one.cpuPerGb,
    nodeCpuPerGb: one.nodeCpuPerGb,
    retransmits: one.retransmits,
    pinnedP50: pinned.p50,
    pinnedP99: pinned.p99,
    pinnedP999: pinned.p999,
    freeP50: free.p50,
    freeP99: free.p99,
    firstPacketP50: first.p50,
    ...connections,
    udp64: small.perSecond,
    udp1400: large.perSecond,
  };
}

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

interface Datagrams {
  readonly perSecond: number;
}

async function connectionRate(
  way: Way,
  load: string,
  seconds: number,
): Promise<Pick<Sample, 'connections' | 'cpuPerConnection'>> {
  const before = busySeconds();
  const answer = (await runLoad(way, [load, 'connections'], ['--seconds', String(seconds)])) as {
    readonly connections: number;
    readonly seconds: number;
  };
  return {
    connections: answer.connections / answer.seconds,
    cpuPerConnection: ((busySeconds() - before) / answer.connections) * 1e6,
  };
}

async function runLoad(way: Way, command: readonly string[], args: readonly string[]): Promise<unknown> {
  const to = ['--to', `${way.target}:${ports.load}`];
  return JSON.parse(await way.chain.client.must([...command, ...to, ...args]));
}

/** Puts the server and the programs at the nodes on the client's processor: no wake-up of another hides their work. */
async function whilePinned<T>(way: Way, work: () => Promise<T>): Promise<T> {
  const pids = [...way.pids, ...(await serversOf(way))];
  const pin = async (processors: string): Promise<void> => {
    for (const pid of pids) await way.chain.client.must(['taskset', '-a', '-c', '-p', processors, String(pid)]);
  };
  await pin('0');
  try {
    return await work();
  } finally {
    await pin('0-1023');
  }
}

async function serversOf({ chain }: Way): Promise<readonly number[]> {
  const listeners = await chain.server.must(['ss', '-Htlnp', `sport = :${ports.load}`]);
  return [...listeners.matchAll(/pid=(\d+)/g)].map(([, pid]) => Number(pid));
}

/** The load program, as cargo puts it. */
export function loadProgram(targetFolder: string): string {
  return join(targetFolder, 'release/quiver-load');
}
