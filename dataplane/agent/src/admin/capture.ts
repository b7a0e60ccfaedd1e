import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type { CaptureRequest, CaptureResponse } from '@quiver/dataplane-api';
import type { CaptureOrder, EngineHandle } from '../engine/engine-handle.ts';

const longestSeconds = 3_600;
const usualSeconds = 30;

export type CaptureCall = ServerWritableStream<CaptureRequest, CaptureResponse>;

/** Captures to a file of the agent's own, sends it piece by piece, and removes it: the caller's path is the caller's business. */
export async function serveCapture(call: CaptureCall, engine: EngineHandle, folder: string): Promise<void> {
  const place = await mkdtemp(join(folder, 'capture-'));
  try {
    const path = join(place, 'capture.pcapng');
    const capturing = engine.capture(orderOf(call.request, path));
    // Tells the caller that packets from now on are in it.
    call.sendMetadata(new Metadata());
    const summary = await capturing;
    for await (const data of createReadStream(path)) {
      if (call.cancelled) return;
      await send(call, { part: { $case: 'data', value: data as Buffer } });
    }
    await send(call, { part: { $case: 'summary', value: summary } });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function send(call: CaptureCall, response: CaptureResponse): Promise<void> {
  if (call.write(response) || call.cancelled) return;
  await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
}

function orderOf({ address, port, maxPackets, maxSeconds }: CaptureRequest, path: string): CaptureOrder {
  return {
    path,
    ...(address === '' ? {} : { address }),
    ...(port === 0 ? {} : { port }),
    maxPackets: Number(maxPackets),
    maxSeconds: maxSeconds === 0 ? usualSeconds : Math.min(maxSeconds, longestSeconds),
  };
}
