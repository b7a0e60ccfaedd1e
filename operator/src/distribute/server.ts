import { chmod, lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { type Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { type AgentMessage, ConfigStreamServiceService, type OperatorMessage } from '@quiver/dataplane-api';
import { QuiverError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { commonNameOf, uriOf } from './caller-identity.ts';
import type { AgentStream, Distributor } from './distributor.ts';
import {
  bind,
  certificateRefreshMilliseconds,
  certificatesOf,
  firstUpdate,
  newServer,
  type TlsSource,
  tlsCredentials,
} from './listener.ts';

export interface ListenSettings {
  /** `unix:/path`, or `address:port` with `tls`. */
  readonly listen: string;
  readonly tls?: TlsSource | undefined;
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

// A connection ends after an hour, so that an old certificate goes.
const options = {
  'grpc.max_connection_age_ms': 3_600_000,
  'grpc.max_connection_age_grace_ms': 5_000,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
};

/** Opens the address at which agents connect. */
export async function serveAgents(
  settings: ListenSettings,
  deps: ServerDeps,
  refreshMilliseconds = certificateRefreshMilliseconds,
): Promise<Listening> {
  const socket = settings.listen.startsWith('unix:') ? settings.listen.slice('unix:'.length) : undefined;
  if (socket !== undefined) await removeStaleSocket(socket);
  const server = newServer(options);
  server.addService(ConfigStreamServiceService, {
    connect: (call: ServerDuplexStream<AgentMessage, OperatorMessage>) => serveCall(call, socket !== undefined, deps),
  });
  const port =
    socket === undefined
      ? await bindRemote(server, settings, refreshMilliseconds)
      : await bind(server, settings.listen, ServerCredentials.createInsecure());
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
  const certificate = call.getAuthContext().sslPeerCertificate;
  const stream: AgentStream = {
    send: (message) => call.write(message),
    onDrain: (run) => void call.once('drain', run),
    end: () => call.end(),
    certifiedUri: uriOf(certificate?.subjectaltname),
    certifiedName: commonNameOf(certificate?.subject),
    isLocal,
  };
  const session = deps.distributor.accept(stream);
  call.on('data', (message: AgentMessage) => session.receive(message));
  call.on('error', (error) => deps.logger.debug('stream failed', { reason: error.message }));
  call.on('end', () => call.end());
  call.once('close', () => session.closed());
  call.once('cancelled', () => session.closed());
}

async function bindRemote(
  server: Server,
  { listen, tls }: ListenSettings,
  refreshMilliseconds: number,
): Promise<number> {
  if (tls === undefined)
    throw new QuiverError('ListenFailed', `${listen} needs certificates: agents elsewhere are not served without`);
  const certificates = certificatesOf(tls, refreshMilliseconds);
  const port = await bind(server, listen, tlsCredentials(certificates, { requiresCertificate: true }));
  await firstUpdate(certificates);
  return port;
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
