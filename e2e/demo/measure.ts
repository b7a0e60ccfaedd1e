import type { Pair } from '../harness/pair.ts';
import { services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { askUdp, type Content, curl, download, hostOf, makeContent, ping } from '../harness/traffic.ts';
import type { DemoResult, TcpResult } from './result.ts';

/** Stands in the file of the sealed service, again and again. */
export const sealedText = 'the-vault-holds-this-secret ';
/** Stands in a file of the clear service. */
export const clearText = 'anybody-may-read-this ';

const MEBIBYTE = 1 << 20;
const GUEST_MARK = 'guest-was-here';

/** Downloads a file and compares it. */
async function fetch(pair: Pair, service: string, port: number, content: Content): Promise<TcpResult> {
  const url = `http://${hostOf(service)}:${port}/${content.name}`;
  const got = await download(pair.sites.client, url, pair.sites.folder);
  const mbps = Math.round((got.bytes * 8) / got.seconds / 1e6);
  return { bytes: got.bytes, sha256Match: got.code === 0 && got.sha256 === content.sha256, mbps };
}

export async function measureTcp(pair: Pair): Promise<TcpResult> {
  const small = await makeContent(pair.content, 'clear', 64 * 1024, clearText);
  await fetch(pair, services.web.v4, 80, small);
  return fetch(pair, services.web.v4, 80, await makeContent(pair.content, 'big', 64 * MEBIBYTE));
}

export async function measureSealed(pair: Pair): Promise<TcpResult> {
  const content = await makeContent(pair.content, 'vault', 8 * MEBIBYTE, sealedText);
  return fetch(pair, services.vault.v4, 81, content);
}

export async function measureUdp(pair: Pair): Promise<Pick<DemoResult, 'udp' | 'udpRange' | 'icmp'>> {
  const { client } = pair.sites;
  const from = addresses.client.v4;
  const { sent, received } = await askUdp(client, { from, to: services.echo.v4, ports: '9000', rounds: 100 });
  const range = await askUdp(client, { from, to: services.voice.v4, ports: '10000-10049' });
  const pinged = await ping(client, services.echo.v4, { from, count: 10 });
  return {
    udp: { sent, received },
    udpRange: { portsTried: range.portsTried, portsOk: range.portsOk },
    icmp: { sent: pinged.sent, received: pinged.received },
  };
}

export async function measureIpv6(pair: Pair): Promise<DemoResult['ipv6']> {
  const { client } = pair.sites;
  const from = addresses.client.v6;
  const content = await makeContent(pair.content, 'six', MEBIBYTE);
  const { sha256Match } = await fetch(pair, services.web.v6, 80, content);
  const { received } = await askUdp(client, { from, to: services.echo.v6, ports: '9000', rounds: 5 });
  const pinged = await ping(client, services.echo.v6, { from, count: 3 });
  const ok = sha256Match && received === 5 && pinged.received === 3;
  return { ok, sha256Match, udp: received, icmp: pinged.received };
}

/** Lets the guest try everything that the office may do. */
export async function measureDenied(pair: Pair): Promise<DemoResult['denied']> {
  const { client } = pair.sites;
  const guest = addresses.guest;
  let attempts = 0;
  let answered = 0;
  for (const [from, to] of [
    [guest.v4, services.web.v4],
    [guest.v6, services.web.v6],
  ] as const) {
    const url = `http://${hostOf(to)}/${GUEST_MARK}`;
    const { code } = await client.run(curl(url, { from, within: 3 }));
    attempts += 1;
    if (code === 0) answered += 1;
  }
  const asked = await askUdp(client, { from: guest.v4, to: services.echo.v4, ports: '9000', text: GUEST_MARK });
  const pinged = await ping(client, services.echo.v4, { from: guest.v4, count: 2 });
  const arrived = pair.servers.reduce((sum, { stdout }) => sum + stdout.split(GUEST_MARK).length - 1, 0);
  return {
    attempts: attempts + asked.sent + pinged.sent,
    delivered: Math.max(answered + asked.received + pinged.received, arrived + pinged.received),
    reason: await deniedReason(pair),
  };
}

// What the router itself says when it is asked about such a packet.
async function deniedReason(pair: Pair): Promise<string> {
  const { reason } = await pair.a.explain({
    from: { address: addresses.guest.v4, port: 40_000 },
    to: { address: services.web.v4, port: 80 },
    protocol: 6,
    interface: 'lan0',
  });
  return reason;
}
