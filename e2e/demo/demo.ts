import { join } from 'node:path';
import { Capture } from '../harness/capture.ts';
import { must } from '../harness/command.ts';
import { buildEngine } from '../harness/engine-build.ts';
import { now } from '../harness/eventually.ts';
import { differences, kernelState } from '../harness/kernel-state.ts';
import { Pair } from '../harness/pair.ts';
import { measureDenied, measureIpv6, measureSealed, measureTcp, measureUdp } from './measure.ts';
import { restartDuringDownload, type SeenTwice } from './restart.ts';
import type { DemoResult } from './result.ts';
import { lookAtWire } from './wire.ts';

export interface DemoRun {
  readonly result: DemoResult;
  readonly session: SeenTwice;
}

export interface DemoOptions {
  /** Told what is being done now. */
  readonly progress: (what: string) => void;
  /** Called while everything is up, before anything is removed. */
  readonly whileUp: (pair: Pair) => Promise<void>;
}

/** Makes the two sites, sends real traffic, looks at it, and removes everything again. */
export async function runDemo({ progress, whileUp }: DemoOptions): Promise<DemoRun> {
  const begin = now();
  progress('building the engine where it has changed');
  await buildEngine();
  const machine = await machineState();
  progress('making two sites and a network between them');
  const pair = await Pair.prepare();
  try {
    const clean = await routerStates(pair);
    progress('starting a router at each site');
    await pair.run();
    const { measured, wire } = await sendTraffic(pair, progress);
    progress('killing a router in the middle of a download');
    const { restart, session } = await restartDuringDownload(pair);
    await whileUp(pair);
    progress('stopping the routers');
    await pair.stopRouters();
    const inRouters = differences(clean, await routerStates(pair));
    await pair.remove();
    const leftovers = [...inRouters, ...differences(machine, await machineState())];
    const seconds = Math.round((now() - begin) / 100) / 10;
    return { session, result: { ...measured, wire, restart, leftovers, seconds } };
  } finally {
    await pair.remove();
  }
}

async function sendTraffic(
  pair: Pair,
  progress: DemoOptions['progress'],
): Promise<{
  measured: Omit<DemoResult, 'wire' | 'restart' | 'leftovers' | 'seconds'>;
  wire: DemoResult['wire'];
}> {
  const { core, client, folder } = pair.sites;
  const middle = await Capture.start(core, 'to-a', join(folder, 'middle.pcap'));
  const lan = await Capture.start(client, 'eth0', join(folder, 'lan.pcap'), 'tcp');
  progress('sending traffic: curl, ping, UDP, over IPv4 and IPv6');
  const tcp = await measureTcp(pair);
  const sealed = await measureSealed(pair);
  const datagrams = await measureUdp(pair);
  const ipv6 = await measureIpv6(pair);
  const denied = await measureDenied(pair);
  const [onWire, inLan] = await Promise.all([middle.stop(), lan.stop()]);
  return { measured: { tcp, sealed, ...datagrams, ipv6, denied }, wire: lookAtWire(onWire, inLan) };
}

async function machineState(): Promise<ReadonlySet<string>> {
  const own = new RegExp(`^quiver-${process.pid}-`);
  const names = (await must(['ip', 'netns', 'list'])).split('\n').filter((name) => own.test(name));
  return new Set([...(await kernelState()), ...names.map((name) => `namespace: ${name}`)]);
}

async function routerStates({ a, b }: Pair): Promise<ReadonlySet<string>> {
  const [atA, atB] = await Promise.all([kernelState(a.namespace), kernelState(b.namespace)]);
  return new Set([...[...atA].map((line) => `a1: ${line}`), ...[...atB].map((line) => `b1: ${line}`)]);
}
