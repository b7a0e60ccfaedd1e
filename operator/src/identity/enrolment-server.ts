import { type experimental, Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { EnrolmentServiceService, type EnrolRequest, type EnrolResponse } from '@quiver/dataplane-api';
import { bind, newServer, tlsCredentials } from '../distribute/listener.ts';
import type { Listening } from '../distribute/server.ts';
import type { Logger } from '../logger.ts';
import type { Enrolment } from './enrolment.ts';
import { type EnrolmentRefusal, EnrolmentRefused } from './enrolment-refused.ts';

export interface EnrolmentServerDeps {
  readonly enrolment: Pick<Enrolment, 'enrol'>;
  readonly certificates: experimental.CertificateProvider;
  readonly logger: Logger;
}

// Strangers reach this address: little is read from them, and nothing of theirs stays long.
const options = {
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.max_concurrent_streams': 8,
  'grpc.max_connection_idle_ms': 10_000,
  'grpc.max_connection_age_ms': 60_000,
  'grpc.max_connection_age_grace_ms': 10_000,
};

/** Opens the address at which nodes ask for certificates. Rejects with `ListenFailed`. */
export async function serveEnrolment(address: string, deps: EnrolmentServerDeps): Promise<Listening> {
  const server = newServer(options);
  server.addService(EnrolmentServiceService, {
    enrol: (call: ServerUnaryCall<EnrolRequest, EnrolResponse>, answer: sendUnaryData<EnrolResponse>) =>
      void serve(call, answer, deps),
  });
  const port = await bind(server, address, tlsCredentials(deps.certificates, { requiresCertificate: false }));
  deps.logger.info('listening for enrolments', { address });
  return {
    port,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

async function serve(
  call: ServerUnaryCall<EnrolRequest, EnrolResponse>,
  answer: sendUnaryData<EnrolResponse>,
  { enrolment }: EnrolmentServerDeps,
): Promise<void> {
  const [authorization] = call.metadata.get('authorization');
  try {
    const response = await enrolment.enrol({
      request: call.request,
      authorization: authorization?.toString(),
      address: addressOf(call.getPeer()),
    });
    answer(null, response);
  } catch (caught) {
    answer(failureOf(caught));
  }
}

function failureOf(caught: unknown): { code: status; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (!(caught instanceof EnrolmentRefused))
    return { code: status.UNAVAILABLE, details: 'the operator could not check the token; ask again', metadata };
  metadata.set('quiver-reason', caught.reason);
  return { code: statusOf(caught.reason), details: `${caught.message} (${caught.reason})`, metadata };
}

function statusOf(reason: EnrolmentRefusal): status {
  switch (reason) {
    case 'Busy':
    case 'RateLimited':
      return status.RESOURCE_EXHAUSTED;
    case 'NotReady':
      return status.UNAVAILABLE;
    case 'RequestInvalid':
      return status.INVALID_ARGUMENT;
    case 'TokenInvalid':
    case 'TokenMissing':
      return status.UNAUTHENTICATED;
    case 'NotAnAgent':
    case 'PodUnknown':
    case 'TokenUnbound':
    case 'UnknownNode':
    case 'WrongFabric':
    case 'WrongNode':
    case 'WrongRouter':
      return status.PERMISSION_DENIED;
  }
}

/** `10.0.0.1:4711` or `[fd00::1]:4711` without the port. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '').replaceAll(/^\[|\]$/g, '');
}
