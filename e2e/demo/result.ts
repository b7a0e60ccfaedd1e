/** What the demo saw, as `--json` prints it. */
export interface DemoResult {
  readonly tcp: TcpResult;
  /** The same over the sealed service. */
  readonly sealed: TcpResult;
  readonly udp: { readonly sent: number; readonly received: number };
  readonly icmp: { readonly sent: number; readonly received: number };
  readonly udpRange: { readonly portsTried: number; readonly portsOk: number };
  readonly ipv6: { readonly ok: boolean; readonly sha256Match: boolean; readonly udp: number; readonly icmp: number };
  readonly denied: { readonly attempts: number; readonly delivered: number; readonly reason: string };
  readonly wire: WireResult;
  readonly restart: RestartResult;
  /** What is there after the demo and was not before, or the other way round. */
  readonly leftovers: readonly string[];
  readonly seconds: number;
}

export interface TcpResult {
  readonly bytes: number;
  readonly sha256Match: boolean;
  readonly mbps: number;
}

/** From a capture in the middle of the wide area network. */
export interface WireResult {
  readonly packets: number;
  readonly metadataPackets: number;
  /** Bytes by which packets of a clear session are longer than in the LAN, after the handshake. */
  readonly addedBytesAfterHandshake: number;
  /** Packets in which an address of a site, or of a service, stands. */
  readonly siteAddressesSeen: number;
  /** Packets with a text of the sealed service. */
  readonly plaintextSeen: number;
  /** Packets with the same kind of text of the clear service: shows that the search finds what is there. */
  readonly clearTextSeen: number;
}

export interface RestartResult {
  readonly engineRestarted: boolean;
  readonly connectionSurvived: boolean;
  /** Longest time without data at the client, in milliseconds. */
  readonly gapMs: number;
}

/** True when everything was as it has to be. */
export function isGood(result: DemoResult): boolean {
  return failures(result).length === 0;
}

/** What was not as it has to be, one sentence each. */
export function failures(result: DemoResult): string[] {
  const { tcp, sealed, udp, icmp, udpRange, ipv6, denied, wire, restart, leftovers } = result;
  const checks: [boolean, string][] = [
    [tcp.sha256Match, 'the download differs from the file'],
    [sealed.sha256Match, 'the download of the sealed service differs from the file'],
    [udp.received === udp.sent, 'datagrams were lost'],
    [icmp.received === icmp.sent, 'pings were lost'],
    [udpRange.portsOk === udpRange.portsTried, 'ports of the range did not answer'],
    [ipv6.ok, 'IPv6 did not pass'],
    [denied.delivered === 0, 'the guest reached a service'],
    [denied.reason !== '', 'no reason was given for the denial'],
    [wire.addedBytesAfterHandshake === 0, 'packets of the clear session grew after the handshake'],
    [wire.siteAddressesSeen === 0, 'addresses of the sites were seen between them'],
    [wire.plaintextSeen === 0, 'the sealed service was readable between the sites'],
    [wire.clearTextSeen > 0, 'the search for text on the wire finds nothing at all'],
    [restart.engineRestarted, 'the engine was not restarted'],
    [restart.connectionSurvived, 'the restart broke the download'],
    [leftovers.length === 0, 'something was left behind'],
  ];
  return checks.filter(([isRight]) => !isRight).map(([, sentence]) => sentence);
}
