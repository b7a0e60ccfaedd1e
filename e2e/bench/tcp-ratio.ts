// Throughput of one TCP stream through two sites, against plain routing on the same devices in the same run:
// `node e2e/bench/tcp-ratio.ts [--rounds N] [--seconds N]`. Rounds alternate; the medians are compared.
import { parseArgs } from 'node:util';
import { Pair, services } from '../harness/pair.ts';
import { whyNot } from '../harness/requirements.ts';
import { serveIperf } from '../harness/servers.ts';
import { measureTcp } from '../harness/traffic.ts';

/** A regression that loses superpackets falls far below it. */
const FLOOR = 0.15;
const PLAIN = { client: '10.7.1.2', server: '10.7.2.2' };

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '2' } },
});

/** Addresses beside those of the sites, so that the same machines also reach each other by routing alone. */
async function routePlainly({ sites }: Pair): Promise<void> {
  const { client, routerA, core, routerB, server } = sites;
  await client.shell(`ip addr add ${PLAIN.client}/24 dev eth0; ip route add 10.7.2.0/24 via 10.7.1.1 congctl cubic`);
  await routerA.shell('ip addr add 10.7.1.1/24 dev lan0; ip route add 10.7.2.0/24 via 192.0.2.254');
  await core.shell('ip route add 10.7.2.0/24 via 203.0.113.1; ip route add 10.7.1.0/24 via 192.0.2.1');
  await routerB.shell('ip addr add 10.7.2.1/24 dev lan0; ip route add 10.7.1.0/24 via 203.0.113.254');
  await server.shell(`ip addr add ${PLAIN.server}/24 dev eth0; ip route add 10.7.1.0/24 via 10.7.2.1 congctl cubic`);
}

/** A second service of the iperf3 server, sealed. */
async function addSealedService(pair: Pair): Promise<void> {
  for (const router of [pair.a, pair.b]) {
    await router.edit(
      'resources/services.yaml',
      '      port: 81\n',
      '      port: 81\n    - protocol: TCP\n      port: 5202\n',
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function main(): Promise<number> {
  const reason = await whyNot();
  if (reason !== undefined) {
    process.stderr.write(`bench: ${reason}\n`);
    return 1;
  }
  const pair = await Pair.prepare();
  try {
    await addSealedService(pair);
    await pair.run();
    await routePlainly(pair);
    pair.servers.push(await serveIperf(pair.sites.server, 5201), await serveIperf(pair.sites.server, 5202));
    const rates = { routing: [] as number[], clear: [] as number[], sealed: [] as number[] };
    for (let round = 0; round < Number(options.rounds); round += 1) {
      for (const [name, address, port] of [
        ['routing', PLAIN.server, 5201],
        ['clear', services.perf.v4, 5201],
        ['sealed', services.vault.v4, 5202],
      ] as const) {
        const { bitsPerSecond } = await measureTcp(pair.sites.client, address, port, Number(options.seconds));
        rates[name].push(bitsPerSecond / 1e9);
      }
    }
    return tell(median(rates.routing), median(rates.clear), median(rates.sealed));
  } finally {
    await pair.remove();
  }
}

function tell(routing: number, clear: number, sealed: number): number {
  const round = (value: number): number => Math.round(value * 1000) / 1000;
  const ratio = { clear: round(clear / routing), sealed: round(sealed / routing) };
  const gbps = { routing: round(routing), clear: round(clear), sealed: round(sealed) };
  process.stdout.write(`${JSON.stringify({ gbps, ratio, floor: FLOOR })}\n`);
  return ratio.clear >= FLOOR ? 0 : 1;
}

process.exitCode = await main();
