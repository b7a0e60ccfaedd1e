import { readFile } from 'node:fs/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { EnrolmentServiceClient, type EnrolRequest, type EnrolResponse } from '@quiver/dataplane-api';
import type { Clock } from '../clock.ts';
import { secureChannel } from '../config-stream/channel.ts';
import { AgentError, messageOf } from '../errors.ts';

/** Where and with what an agent asks for its certificate. */
export interface EnrolmentSettings {
  /** `host:port`. */
  readonly address: string;
  /** File with the token of the agent's service account; read anew for each call. */
  readonly token: string;
  /** File with the authorities that sign operators; it may come later than the agent, and change. */
  readonly authority: string;
  /** Name in the operator's certificate, where it is not its address. */
  readonly serverName?: string | undefined;
}

const patienceMilliseconds = 10_000;

/** Asks once. Rejects with an `AgentError` that says who refused what. */
export async function enrol(settings: EnrolmentSettings, request: EnrolRequest, clock: Clock): Promise<EnrolResponse> {
  const { address, serverName, token: tokenFile, authority: authorityFile } = settings;
  const authority = await read(authorityFile, 'authority', 'the operator writes it when it runs for the first time');
  const token = await read(tokenFile, 'token', 'the kubelet writes it for the service account of the pod');
  const channel = secureChannel(address, serverName, (checks) =>
    credentials.createSsl(Buffer.from(authority), null, null, checks),
  );
  const client = new EnrolmentServiceClient(address, channel.credentials, {
    ...channel.options,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token.trim()}`);
  const answered = Promise.withResolvers<EnrolResponse>();
  const call = client.enrol(request, metadata, (error, response) =>
    error === null ? answered.resolve(response) : answered.reject(failure(address, error)),
  );
  const patience = clock.after(patienceMilliseconds, () => call.cancel());
  try {
    return await answered.promise;
  } finally {
    patience.cancel();
    client.close();
  }
}

async function read(file: string, what: string, hint: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (caught) {
    throw new AgentError('CertificateUnusable', `${what} ${file} cannot be read: ${messageOf(caught)}; ${hint}`, {
      cause: caught,
    });
  }
  if (text.trim() === '') throw new AgentError('CertificateUnusable', `${what} ${file} is empty; ${hint}`);
  return text;
}

function failure(address: string, error: ServiceError): AgentError {
  const isRefusal = error.code === status.UNAUTHENTICATED || error.code === status.PERMISSION_DENIED;
  const message = isRefusal
    ? `the operator gives no certificate: ${error.details}`
    : `no certificate from ${address}: ${error.details}`;
  return new AgentError(isRefusal ? 'EnrolmentRefused' : 'EnrolmentUnavailable', message, { cause: error });
}
