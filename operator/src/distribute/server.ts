import { chmod, lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { experimental, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { type AgentMessage, ConfigStreamServiceService, type OperatorMessage } from '@quiver/dataplane-api';
import { QuiverError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { uriOf } from './caller-identity.ts';
import type { AgentStream, Distributor } from './distributor.ts';

/** Files of the operator's certificate; they may be replaced while it runs. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificates of the authorities that sign agents. */
  readonly authority: string;
}

export interface ListenSettings {
  /** `unix:/path`, or `address:port` with `tls`. */
  readonly listen: string;
  readonly tls?: TlsFiles | undefined;
}

export interface ServerDeps {
  readonly distributor: Distributor;
  readonly logger: Logger;
}

/** An open address for agents. */
export interface Listening {
  /** The port taken; 0 for a socket in the file system. */
  readonly port: number;
  close(): Promise<void>;
}

// A dead agent is noticed within 15 s. A connection ends after an hour, so that an old certificate goes.
const options = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_connection_age_ms': 3_600_000,
  'grpc.max_connection_age_grace_ms': 5_000,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
};

/** How often certificate files are looked at. */
const certificateRefreshMilliseconds = 5_000;

/** Opens the address at which agents connect. */
export async function serveAgents(
  settings: ListenSettings,
  deps: ServerDeps,
  refreshMilliseconds = certificateRefreshMilliseconds,
): Promise<Listening> {
  const socket = settings.listen.startsWith('unix:') ? settings.listen.slice('unix:'.length) : undefined;
  if (socket !== undefined) await removeStaleSocket(socket);
  const server = new Server(options);
  server.addService(ConfigStreamServiceService, {
    connect: (call: ServerDuplexStream<AgentMessage, OperatorMessage>) => serveCall(call, socket !== undefined, deps),
  });
  const credentials =
    socket === undefined ? tlsCredentials(settings, refreshMilliseconds) : ServerCredentials.createInsecure();
  const port = await bind(server, settings.listen, credentials);
  // The socket's permissions are the only identity check there.
  if (socket !== undefined) await chmod(socket, 0o600);
  deps.logger.info('listening for agents', { address: settings.listen });
  return {
    port: socket === undefined ? port : 0,
    close: async () => {
      deps.distributor.close();
      server.forceShutdown();
      if (socket !== undefined) await rm(socket, { force: true });
    },
  };
}

function serveCall(call: ServerDuplexStream<AgentMessage, OperatorMessage>, isLocal: boolean, deps: ServerDeps): void {
  const names = call.getAuthContext().sslPeerCertificate?.subjectaltname;
  const stream: AgentStream = {
    send: (message) => call.write(message),
    onDrain: (run) => void call.once('drain', run),
    end: () => call.end(),
    certifiedUri: uriOf(names),
    isLocal,
  };
  const session = deps.distributor.accept(stream);
  call.on('data', (message: AgentMessage) => session.receive(message));
  call.on('error', (error) => deps.logger.debug('stream failed', { reason: error.message }));
  call.on('end', () => call.end());
  call.once('close', () => session.closed());
  call.once('cancelled', () => session.closed());
}

function tlsCredentials({ listen, tls }: ListenSettings, refreshIntervalMs: number): ServerCredentials {
  if (tls === undefined)
    throw new QuiverError('ListenFailed', `${listen} needs certificates: agents elsewhere are not served without`);
  const provider = new experimental.FileWatcherCertificateProvider({
    certificateFile: tls.certificate,
    privateKeyFile: tls.key,
    caCertificateFile: tls.authority,
    refreshIntervalMs,
  });
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new QuiverError('ListenFailed', `cannot listen at ${address}: ${error.message}`, { cause: error }));
    });
  });
}

// A socket that nobody answers is left from a process that died.
async function removeStaleSocket(path: string): Promise<void> {
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isAnswered)
    throw new QuiverError('ListenFailed', `another process listens at ${path}; stop it or choose another socket`);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new QuiverError('ListenFailed', `${path} is there and is no socket; choose another path`);
  await rm(path, { force: true });
}
