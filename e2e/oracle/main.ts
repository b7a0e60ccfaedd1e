// Shows a run with readable metadata to the public 128T dissector for tshark: `node e2e/oracle/main.ts --dissector FILE`.
// The dissector is somebody else's and not part of this repository. With `--pcap FILE` only that capture is read.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { whyNot } from '../harness/requirements.ts';
import { dissect } from './dissect.ts';
import { signedRun } from './signed-run.ts';

const WHERE = 'https://github.com/128technology/128t-metadata-dissector (128t_plugin.lua, version 1.0.0)';

const { values: options } = parseArgs({
  options: { dissector: { type: 'string' }, pcap: { type: 'string' } },
});

function fail(sentence: string): number {
  process.stderr.write(`oracle: ${sentence}\n`);
  return 1;
}

async function main(): Promise<number> {
  const { dissector, pcap } = options;
  if (dissector === undefined || !existsSync(dissector)) {
    return fail(`give the dissector with --dissector FILE; it is at ${WHERE}.`);
  }
  if (pcap !== undefined) {
    const packets = await dissect(pcap, dissector);
    const decoded = packets.filter(({ isDecoded }) => isDecoded).length;
    const malformed = packets.filter(({ complaints }) => complaints !== '').length;
    process.stdout.write(`${JSON.stringify({ packets: packets.length, decoded, malformed })}\n`);
    return malformed === 0 ? 0 : 1;
  }
  const reason = await whyNot();
  if (reason !== undefined) return fail(reason);
  const result = await signedRun(dissector);
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  const { metadataPackets, decoded, malformed, differences } = result;
  return decoded === metadataPackets && malformed.length === 0 && differences.length === 0 ? 0 : 1;
}

process.exitCode = await main();
