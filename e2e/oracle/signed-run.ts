import { join } from 'node:path';
import { Capture } from '../harness/capture.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { askUdp, download, hostOf, makeContent, ping } from '../harness/traffic.ts';
import { type Comparison, compare } from './compare.ts';
import { dissect } from './dissect.ts';

/** Runs two sites with readable metadata, lets every kind of session pass, and shows the capture to the dissector. */
export async function signedRun(plugin: string): Promise<Comparison> {
  const pair = await Pair.prepare();
  try {
    for (const router of [pair.a, pair.b]) {
      await router.edit('router.yaml', 'keySource:', 'metadata: Signed\nkeySource:');
    }
    const path = join(pair.sites.folder, 'signed.pcap');
    const capture = await Capture.start(pair.sites.core, 'to-a', path);
    await pair.run();
    const sessions = await sendEverything(pair);
    const packets = await capture.stop();
    return compare(packets, await dissect(path, plugin), sessions);
  } finally {
    await pair.remove();
  }
}

/** The sessions that are open at the end, as the ingress router tells them. */
async function sendEverything(pair: Pair): Promise<Awaited<ReturnType<Pair['a']['sessions']>>> {
  const { client, folder } = pair.sites;
  await makeContent(pair.content, 'file', 2_000_000);
  for (const [address, port] of [
    [services.web.v4, 80],
    [services.vault.v4, 81],
    [services.web.v6, 80],
  ] as const) {
    await download(client, `http://${hostOf(address)}:${port}/file`, folder);
  }
  const open = [
    new SlowDownload(client, `http://${services.web.v4}/file?rate=200000`),
    new SlowDownload(client, `http://${services.vault.v4}:81/file?rate=200000`),
  ];
  await Promise.all(open.map((one) => one.has(50_000)));
  for (const family of ['v4', 'v6'] as const) {
    const from = addresses.client[family];
    await askUdp(client, { from, to: services.echo[family], ports: '9000', rounds: 3 });
    await ping(client, services.echo[family], { from, count: 2 });
  }
  await askUdp(client, { from: addresses.client.v4, to: services.voice.v4, ports: '10000-10009' });
  const sessions = await pair.a.sessions();
  await Promise.all(open.map((one) => one.cancel()));
  return sessions.filter(({ state }) => state === 'Established');
}
