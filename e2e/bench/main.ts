// `npm run bench`: Quiver beside plain routing, NAT, a kernel tunnel and the sealed tunnels of others, all in one run.
// `--quick` takes under three minutes, `--json` prints one object, `--ways a,b` measures some of them only.
import { parseArgs } from 'node:util';
import { must } from '../harness/command.ts';
import { buildEngine } from '../harness/engine-build.ts';
import { whyNot } from '../harness/requirements.ts';
import { repository } from '../harness/router.ts';
import { buildBaselines } from './baselines.ts';
import { type Lengths, loadProgram } from './measures.ts';
import { figuresOf, ratiosOf, tableOf } from './report.ts';
import { runRounds } from './rounds.ts';
import { type WayName, wayNames } from './ways/way.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    ways: { type: 'string' },
  },
});

const quick: Lengths = { tcpSeconds: 1, latencySeconds: 0.3, connectionSeconds: 0.7, probeSeconds: 0.15 };
const full: Lengths = { tcpSeconds: 2, latencySeconds: 1, connectionSeconds: 2, probeSeconds: 0.4 };

function progress(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

function chosenWays(): readonly WayName[] {
  const names = options.ways?.split(',') ?? [...wayNames];
  const unknown = names.filter((name) => !wayNames.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`--ways ${unknown.join(', ')}: there are ${wayNames.join(', ')}`);
  return wayNames.filter((name) => names.includes(name));
}

async function main(): Promise<number> {
  const reason = await whyNot();
  if (reason !== undefined) throw new Error(reason);
  const target = process.env['CARGO_TARGET_DIR'];
  const cache = process.env['QUIVER_CACHE'];
  if (target === undefined || cache === undefined) throw new Error('start it with "npm run bench"');
  await buildEngine();
  await must(['cargo', 'build', '--release', '--locked', '-p', 'quiver-load', '--manifest-path', manifest()]);
  const results = await runRounds({
    ways: chosenWays(),
    rounds: Number(options.rounds ?? (options.quick ? 1 : 3)),
    lengths: options.quick ? quick : full,
    load: loadProgram(target),
    baselines: await buildBaselines(cache, progress),
    progress,
  });
  const summary = { ratios: ratiosOf(results), figures: figuresOf(results) };
  if (options.json) {
    const ways = Object.fromEntries(results);
    process.stdout.write(`${JSON.stringify({ ...summary, ways }, undefined, 2)}\n`);
  } else process.stdout.write(`${tableOf(results)}\n\n${JSON.stringify(summary, undefined, 2)}\n`);
  return 0;
}

function manifest(): string {
  return `${repository}/dataplane/Cargo.toml`;
}

process.exitCode = await main().catch((caught: unknown) => {
  progress(caught instanceof Error ? caught.message : String(caught));
  return 1;
});
