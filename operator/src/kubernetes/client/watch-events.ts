import type { Readable } from 'node:stream';
import { eventFailure, malformedFailure } from './api-failure.ts';
import { isRecord } from './kube-object.ts';

/** One line of a watch. `ERROR` never comes out: it is thrown. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Readonly<Record<string, unknown>>;
}

/** An object is at most a few MiB; what is longer is no line of a watch. */
const maxLineBytes = 32 * 1024 * 1024;
const newline = 0x0a;

/** The events of a watch until its end. Throws an `ApiFailure` for an error event and for what is no event. */
export async function* watchEvents(body: Readable, target: string): AsyncGenerator<WatchEvent, void> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(newline, from); at >= 0; at = chunk.indexOf(newline, from)) {
      yield parseEvent(Buffer.concat([...rest, chunk.subarray(from, at)]).toString('utf8'), target);
      rest = [];
      length = 0;
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxLineBytes) throw malformedFailure(target, `an event has more than ${maxLineBytes} bytes`);
  }
  if (rest.length > 0) throw malformedFailure(target, 'the watch ended in the middle of an event');
}

function parseEvent(line: string, target: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw malformedFailure(target, `an event is no JSON: ${line.slice(0, 80)}`);
  }
  if (!isRecord(event) || !isRecord(event['object'])) throw malformedFailure(target, 'an event has no object');
  const { type, object } = event as { type: unknown; object: Record<string, unknown> };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object };
    case 'ERROR':
      throw eventFailure(target, object);
    default:
      throw malformedFailure(target, `an event is of unknown type ${String(type)}`);
  }
}
