import type { Session } from '@quiver/dataplane-api';
import { eventually } from '../harness/eventually.ts';
import type { Pair } from '../harness/pair.ts';
import { services } from '../harness/pair.ts';
import { SlowDownload } from '../harness/slow-download.ts';
import { makeContent } from '../harness/traffic.ts';
import type { RestartResult } from './result.ts';

/** One session as both routers tell it. */
export interface SeenTwice {
  readonly ingress: Session;
  readonly egress: Session;
}

const BYTES = 40 << 20;
const RATE = 20 << 20;

/** Kills the ingress router in the middle of a download, starts it again, and waits for the end of the download. */
export async function restartDuringDownload(
  pair: Pair,
): Promise<{ readonly restart: RestartResult; readonly session: SeenTwice }> {
  const content = await makeContent(pair.content, 'long', BYTES);
  const url = `http://${services.web.v4}/${content.name}?rate=${RATE}`;
  const download = new SlowDownload(pair.sites.client, url);
  await download.has(BYTES / 8);
  const session = await seenTwice(pair);
  const firstBoot = await bootId(pair);
  await pair.a.kill();
  await pair.a.start();
  const secondBoot = await bootId(pair);
  const { code, sha256 } = await download.finished();
  return {
    session,
    restart: {
      engineRestarted: firstBoot !== secondBoot,
      connectionSurvived: code === 0 && sha256 === content.sha256,
      gapMs: Math.round(download.longestGap),
    },
  };
}

/** The open session of the web service, looked up at both ends by its id. */
async function seenTwice({ a, b }: Pair): Promise<SeenTwice> {
  return eventually('both routers know the session', async () => {
    const open = await a.sessions({ service: 'demo/web' });
    const ingress = open.find(({ state }) => state === 'Established');
    const atEgress = await b.sessions({ service: 'demo/web' });
    const egress = atEgress.find(({ sessionId }) => sessionId === ingress?.sessionId);
    return ingress === undefined || egress === undefined ? undefined : { ingress, egress };
  });
}

async function bootId({ a }: Pair): Promise<bigint> {
  return (await a.status()).counters?.bootId ?? 0n;
}
