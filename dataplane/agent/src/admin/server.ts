import { rm } from 'node:fs/promises';
import { Server, type ServerUnaryCall, type ServiceError, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  type AdminServiceServer,
  AdminServiceService,
  type DropCount,
  type StatusResponse,
} from '@quiver/dataplane-api';
import type { EngineHandle } from '../engine/engine-handle.ts';
import { messageOf } from '../errors.ts';
import { type CaptureCall, serveCapture } from './capture.ts';
import { listenAtSocket } from './socket.ts';

export interface AdminSources {
  readonly engine: EngineHandle;
  readonly status: () => Promise<StatusResponse>;
  readonly drops: () => Promise<readonly DropCount[]>;
  /** Folder for captures under way. */
  readonly captures: string;
}

export interface AdminListening {
  close(): Promise<void>;
}

/** Serves the command line at a socket. */
export async function serveAdmin(path: string, sources: AdminSources): Promise<AdminListening> {
  const server = new Server({ 'grpc.max_send_message_length': 64 * 1024 * 1024 });
  server.addService(AdminServiceService, implementation(sources));
  await listenAtSocket(server, path);
  return {
    close: async () => {
      server.forceShutdown();
      await rm(path, { force: true });
    },
  };
}

function implementation({ engine, status: describe, drops, captures }: AdminSources): AdminServiceServer {
  return {
    status: unary(() => describe()),
    sessions: unary((request) => engine.dump(request)),
    explain: unary((request) => engine.explain(request)),
    drops: unary(async () => ({ drops: [...(await drops())] })),
    capture: (call: CaptureCall) => {
      serveCapture(call, engine, captures).then(
        () => call.end(),
        (caught: unknown) => call.emit('error', serviceError(caught)),
      );
    },
  };
}

function unary<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>): void => {
    handle(call.request).then(
      (response) => answer(null, response),
      (caught: unknown) => answer(serviceError(caught)),
    );
  };
}

// What fails here is what the engine says to the question, so the sentence is for the one who asked.
function serviceError(caught: unknown): Partial<ServiceError> & Error {
  const details = messageOf(caught);
  return Object.assign(new Error(details), { code: status.FAILED_PRECONDITION, details });
}
