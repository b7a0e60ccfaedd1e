import { drawPath } from './picture.ts';
import type { SeenTwice } from './restart.ts';
import { type DemoResult, failures } from './result.ts';

/** What happened, for people. */
export function report(result: DemoResult, session: SeenTwice): string {
  const { tcp, sealed, udp, icmp, udpRange, ipv6, denied, wire, restart, leftovers } = result;
  const wrong = failures(result);
  const rows: [string, string][] = [
    ['download, clear', `${mebibytes(tcp.bytes)} MiB, ${tcp.mbps} Mbit/s, checksum ${same(tcp.sha256Match)}`],
    ['download, sealed', `${mebibytes(sealed.bytes)} MiB, ${sealed.mbps} Mbit/s, checksum ${same(sealed.sha256Match)}`],
    ['UDP echo', `${udp.received} of ${udp.sent} datagrams came back`],
    ['UDP port range', `${udpRange.portsOk} of ${udpRange.portsTried} ports answer`],
    ['ping', `${icmp.received} of ${icmp.sent} came back`],
    ['IPv6', ipv6.ok ? 'download, UDP and ping pass' : 'FAILED'],
    ['guest (not allowed)', `${denied.attempts} attempts, ${denied.delivered} delivered, reason: ${denied.reason}`],
    ['between the sites', `${wire.packets} packets, ${wire.metadataPackets} with metadata`],
    ['', `${wire.addedBytesAfterHandshake} bytes added to the clear session after its handshake`],
    ['', `${wire.siteAddressesSeen} packets show an address of a site or service`],
    ['', `${wire.plaintextSeen} packets show text of the sealed service (of the clear one: ${wire.clearTextSeen})`],
    ['router a1 killed', restartLine(restart)],
    ['left behind', leftovers.length === 0 ? 'nothing' : leftovers.join('\n'.padEnd(25))],
  ];
  const body = rows.map(([what, how]) => `${what.padEnd(22)}${how}`).join('\n');
  const verdict = wrong.length === 0 ? 'Everything was as it has to be' : `Not as it has to be: ${wrong.join('; ')}`;
  return `${drawPath(session)}\n\n${body}\n\n${verdict} (${result.seconds} s).`;
}

function restartLine({ engineRestarted, connectionSurvived, gapMs }: DemoResult['restart']): string {
  if (!engineRestarted) return 'it did not come back';
  return `in the middle of a download; the connection ${connectionSurvived ? 'survived' : 'broke'}, ${gapMs} ms without data`;
}

function mebibytes(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(0);
}

function same(isSame: boolean): string {
  return isSame ? 'equal' : 'DIFFERENT';
}
