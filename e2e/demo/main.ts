// `npm run demo`: two sites, real packets, a short report. `--json` prints one object instead, `--keep` leaves it up.
import { parseArgs } from 'node:util';
import { type Pair, services } from '../harness/pair.ts';
import { whyNot } from '../harness/requirements.ts';
import { quiver } from '../harness/router.ts';
import { runDemo } from './demo.ts';
import { report } from './report.ts';
import { isGood } from './result.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
});

const progress = (what: string): void => {
  process.stderr.write(`demo: ${what}\n`);
};

const interrupted = new Promise<string>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
});

function whatToTry({ sites, a, b }: Pair): string {
  const inClient = sites.client.within([]).join(' ');
  return [
    'Everything is up. In another terminal, as root:',
    `  ${inClient} curl -s http://${services.web.v4}/clear | head -c 60`,
    `  ${inClient} ping ${services.echo.v6}`,
    `  ${inClient} curl --interface 10.1.0.66 http://${services.web.v4}/     # the guest: refused`,
    `  ${quiver('sessions', '-o', 'wide', '--socket', a.socket).join(' ')}`,
    `  ${quiver('explain', '--from', '10.1.0.66', '--to', `${services.web.v4}:80`, '--socket', a.socket).join(' ')}`,
    `  edit ${a.path('resources')} or ${b.path('resources')} and see what changes`,
    'Ctrl-C ends and removes everything.',
    '',
  ].join('\n');
}

async function whileUp(pair: Pair): Promise<void> {
  if (!options.keep) return;
  process.stderr.write(whatToTry(pair));
  await interrupted;
}

async function main(): Promise<number> {
  const reason = await whyNot();
  if (reason !== undefined) {
    process.stderr.write(`demo: ${reason}\n`);
    return 1;
  }
  const { result, session } = await runDemo({ progress, whileUp });
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `\n${report(result, session)}\n`);
  return isGood(result) ? 0 : 1;
}

// An interruption ends the process at once; what is left then is removed on exit. With --keep it is the ordinary end.
const stopped = interrupted.then((): number | undefined => (options.keep ? undefined : 130));
const work = main().catch((caught: unknown) => {
  process.stderr.write(`demo: ${caught instanceof Error ? caught.message : String(caught)}\n`);
  return 1;
});
process.exit((await Promise.race([work, stopped])) ?? (await work));
