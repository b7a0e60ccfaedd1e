import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type { CaptureRequest, CaptureResponse, CaptureSummary } from '@quiver/dataplane-api';
import type { CaptureOrder, EngineHandle } from '../engine/engine-handle.ts';

const longestSeconds = 3_600;
const usualSeconds = 30;
/** Milliseconds. */
const moment = 100;

export type CaptureCall = ServerWritableStream<CaptureRequest, CaptureResponse>;

/** Captures to a file of the agent's own, sends it piece by piece, and removes it: the caller's path is the caller's business. */
export async function serveCapture(call: CaptureCall, engine: EngineHandle, folder: string): Promise<void> {
  const place = await mkdtemp(join(folder, 'capture-'));
  try {
    const path = join(place, 'capture.pcapng');
    const capturing = engine.capture(orderOf(call.request, path));
    // Tells the caller that packets from now on are in it.
    call.sendMetadata(new Metadata());
    const summary = await endedWith(call, capturing, engine);
    for await (const data of createReadStream(path)) {
      if (call.cancelled) return;
      await send(call, { part: { $case: 'data', value: data as Buffer } });
    }
    await send(call, { part: { $case: 'summary', value: summary } });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** A caller that goes away ends its capture: it would run to its limit, and nobody else could begin one. */
async function endedWith(
  call: CaptureCall,
  capturing: Promise<CaptureSummary>,
  engine: EngineHandle,
): Promise<CaptureSummary> {
  const over = new AbortController();
  const left = once(call, 'cancelled', { signal: over.signal });
  try {
    if (!call.cancelled) await Promise.race([capturing, left]);
    while (call.cancelled && !(await isSettled(capturing))) await engine.endCapture();
    return await capturing;
  } finally {
    over.abort();
    await left.catch(() => undefined);
  }
}

/** Whether it settles within a moment: a capture that has only just been ordered may begin after it was told to end. */
function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, setTimeout(moment, false)]);
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
