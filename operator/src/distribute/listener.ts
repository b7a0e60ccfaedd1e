import { experimental, Server, type ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { QuiverError } from '../errors.ts';

/** Files of a certificate; they may be replaced while they are in use. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificates of the authorities that sign agents. */
  readonly authority: string;
}

/** Where the certificates of an address come from. */
export type TlsSource = TlsFiles | experimental.CertificateProvider;

/** How often certificate files are looked at. */
export const certificateRefreshMilliseconds = 5_000;

export interface TlsOptions {
  /** Callers without a certificate of the authority are not let in. */
  readonly requiresCertificate: boolean;
}

/** Certificates that follow their files. */
export function certificatesOf(tls: TlsSource, refreshIntervalMs: number): experimental.CertificateProvider {
  return isFiles(tls) ? fileProvider(tls, refreshIntervalMs) : tls;
}

/** Credentials of a server whose certificates can change while it runs. */
export function tlsCredentials(provider: experimental.CertificateProvider, options: TlsOptions): ServerCredentials {
  // The second provider is that of the authorities; null asks callers for no certificate.
  const { createCertificateProviderServerCredentials: create } = experimental;
  if (options.requiresCertificate) return create(provider, provider, true);
  return create(provider, null, false);
}

/** Resolves when the provider has said what it has. A server that uses it turns away whoever comes before. */
export function firstUpdate(provider: experimental.CertificateProvider): Promise<void> {
  return new Promise((resolve) => {
    const listener = (): void => {
      provider.removeIdentityCertificateListener(listener);
      resolve();
    };
    provider.addIdentityCertificateListener(listener);
  });
}

/** Opens an address; the port that was taken. Without a host every address of the machine is meant. Rejects with `ListenFailed`. */
export async function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  if (!address.startsWith(':')) return bindTo(server, address, credentials);
  try {
    return await bindTo(server, `[::]${address}`, credentials);
  } catch {
    // A machine without IPv6; if the port itself is taken, this says so.
    return bindTo(server, `0.0.0.0${address}`, credentials);
  }
}

function bindTo(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new QuiverError('ListenFailed', `cannot listen at ${address}: ${error.message}`, { cause: error }));
    });
  });
}

/** A server whose dead callers are noticed within 15 s. */
export function newServer(options: ServerOptions): Server {
  return new Server({
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    ...options,
  });
}

function isFiles(tls: TlsSource): tls is TlsFiles {
  return 'certificate' in tls;
}

function fileProvider(tls: TlsFiles, refreshIntervalMs: number): experimental.CertificateProvider {
  return new experimental.FileWatcherCertificateProvider({
    certificateFile: tls.certificate,
    privateKeyFile: tls.key,
    caCertificateFile: tls.authority,
    refreshIntervalMs,
  });
}
