import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { ChannelCredentials, type ClientOptions, credentials, type VerifyOptions } from '@grpc/grpc-js';
import { ConfigStreamServiceClient } from '@quiver/dataplane-api';
import { AgentError, messageOf } from '../errors.ts';

/** Files of a node's certificate; they may be replaced while the agent runs. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificates of the authorities that sign operators. */
  readonly authority: string;
  /** Name that the operator's certificate must hold, where it differs from the address. */
  readonly serverName?: string | undefined;
}

/** Where the operator is. */
export interface OperatorAddress {
  /** `unix:/path`, or `host:port` with `tls`. */
  readonly address: string;
  readonly tls?: TlsFiles | undefined;
}

// A dead operator is noticed within 15 s; the stream above has its own attempts, so the channel makes none.
const options: ClientOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  // Without it, a channel that failed would keep a later one waiting.
  'grpc.use_local_subchannel_pool': 1,
};

/** Makes a client of its own for each attempt, so that certificates are read anew each time. */
export async function dialOperator({ address, tls }: OperatorAddress): Promise<ConfigStreamServiceClient> {
  if (address.startsWith('unix:')) {
    return new ConfigStreamServiceClient(address, ChannelCredentials.createInsecure(), options);
  }
  if (tls === undefined) {
    const message = `${address} needs certificates: give --tls-certificate, --tls-key and --tls-authority`;
    throw new AgentError('CertificateUnusable', message);
  }
  const [authority, key, certificate] = await Promise.all([tls.authority, tls.key, tls.certificate].map(readPem));
  const channel = secureChannel(address, tls.serverName, (checks) =>
    credentials.createSsl(authority, key, certificate, checks),
  );
  return new ConfigStreamServiceClient(address, channel.credentials, { ...options, ...channel.options });
}

/** What a client needs to reach the operator by TLS; `serverName` where the certificate does not hold the address. */
export function secureChannel(
  address: string,
  serverName: string | undefined,
  make: (checks: VerifyOptions) => ChannelCredentials,
): { readonly credentials: ChannelCredentials; readonly options: ClientOptions } {
  const name = serverName ?? address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  // RFC 6066 section 3: an address cannot be asked for by name, so a placeholder goes in its place.
  const asked = isIP(name) === 0 ? name : 'quiver-operator';
  return {
    credentials: make({ checkServerIdentity: (_host, presented) => checkServerIdentity(name, presented) }),
    options: { 'grpc.ssl_target_name_override': asked },
  };
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (caught) {
    throw new AgentError('CertificateUnusable', `${file} cannot be read: ${messageOf(caught)}`, { cause: caught });
  }
}
