import { must } from '../harness/command.ts';

/** What the public SVR dissector reads in one packet. */
export interface Dissected {
  readonly frame: number;
  /** It found metadata and read it to its end. */
  readonly isDecoded: boolean;
  /** Complaints of the dissector or of tshark about the packet. */
  readonly complaints: string;
  readonly tenant: string;
  readonly service: string;
  /** `address:port` of the client and of the service, as the context tells them; empty for IPv6, which it does not know. */
  readonly client: string;
  readonly serviceAddress: string;
  /** All values that it shows as bytes, hex: the session id is one of them. */
  readonly bytes: readonly string[];
}

const FIELDS = [
  'frame.number',
  '128t.meta_version',
  '_ws.malformed',
  '_ws.lua.error',
  '128t.src_tenant',
  '128t.service',
  '128t.src_ipv4',
  '128t.src_port',
  '128t.dst_ipv4',
  '128t.dst_port',
  '128t.bytes',
];

/** Every packet is looked at, whatever other dissectors or TCP's analysis think of it. */
const PREFERENCES = [
  'tcp.try_heuristic_first:TRUE',
  'udp.try_heuristic_first:TRUE',
  'tcp.desegment_tcp_streams:FALSE',
  'tcp.no_subdissector_on_error:FALSE',
];

/** Runs tshark with the dissector at `plugin` over a capture; one entry per packet. */
export async function dissect(capture: string, plugin: string): Promise<Dissected[]> {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  const preferences = PREFERENCES.flatMap((one) => ['-o', one]);
  const format = ['-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=;'];
  // An ICMP error quotes a packet, and tshark reads that one, too.
  const filter = ['-Y', 'not icmp and not icmpv6'];
  const reading = ['tshark', '-n', '-X', `lua_script:${plugin}`, '-r', capture, ...filter];
  const command = [...reading, ...preferences, ...format, ...fields];
  const output = await must(command);
  // The dissector greets on standard output.
  return output
    .split('\n')
    .filter((line) => /^\d+\t/.test(line))
    .map(read);
}

function read(line: string): Dissected {
  const [frame = '', version = '', malformed = '', luaError = '', tenant = '', service = '', ...rest] =
    line.split('\t');
  const [source = '', sourcePort = '', destination = '', destinationPort = '', bytes = ''] = rest;
  const endpoint = (address: string, port: string): string => (address === '' ? '' : `${address}:${port}`);
  return {
    frame: Number(frame),
    isDecoded: version !== '',
    complaints: [malformed, luaError].filter((text) => text !== '').join(' '),
    tenant,
    service,
    client: endpoint(source, sourcePort),
    serviceAddress: endpoint(destination, destinationPort),
    bytes: bytes.split(';').map((one) => one.replaceAll(':', '').toLowerCase()),
  };
}
