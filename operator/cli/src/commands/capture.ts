import { type FileHandle, open } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ServiceError } from '@grpc/grpc-js';
import type { CaptureRequest, CaptureResponse, CaptureSummary } from '@quiver/dataplane-api';
import { Command } from 'commander';
import { Connection } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { parseDuration } from '../output/quantity.ts';
import { socketOption } from './socket-option.ts';

interface CaptureOptions {
  readonly filter?: string;
  readonly count: string;
  readonly duration: string;
  readonly write: string;
  readonly socket?: string;
}

const longestSeconds = 3_600;

export function captureCommand(context: CliContext): Command {
  return new Command('capture')
    .description('capture packets as the engine sees them, metadata decoded in comments')
    .requiredOption('-w, --write <file>', 'pcapng file; - for stdout')
    .option('--filter <expression>', '"host ADDRESS", "port NUMBER", or both with "and"')
    .option('-c, --count <packets>', 'end after so many packets; 0 = no limit', '0')
    .option('--duration <time>', 'end after this time, at most 1h', '30s')
    .addOption(socketOption())
    .action((options: CaptureOptions) => {
      const request = requestOf(options);
      return Connection.with(options.socket, context, (connection) => capture(connection, request, options, context));
    });
}

async function capture(
  connection: Connection,
  request: CaptureRequest,
  { write }: CaptureOptions,
  context: CliContext,
): Promise<void> {
  const target = await openTarget(write, context);
  try {
    const { packets, missed } = await receive(connection, request, target, context);
    const lost = missed === 0n ? '' : `; ${missed} came too fast and are not in it`;
    context.stderr.write(`${packets} packets in ${write === '-' ? 'the output' : write}${lost}\n`);
  } finally {
    await target.close();
  }
}

interface Target {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

async function openTarget(path: string, context: CliContext): Promise<Target> {
  if (path === '-') return { write: (bytes) => context.stdout.writeBytes(bytes), close: () => Promise.resolve() };
  const file: FileHandle = await open(path, 'w').catch((caught: unknown) => {
    throw new Failure(`${path} cannot be written: ${caught instanceof Error ? caught.message : String(caught)}`);
  });
  return { write: (bytes) => file.writeFile(bytes), close: () => file.close() };
}

async function receive(
  connection: Connection,
  request: CaptureRequest,
  target: Target,
  context: CliContext,
): Promise<CaptureSummary> {
  const call = connection.client.capture(request);
  const limit = request.maxPackets === 0n ? '' : ` or ${request.maxPackets} packets`;
  call.once('metadata', () => context.stderr.write(`capturing for ${request.maxSeconds}s${limit}\n`));
  context.interrupted.addEventListener('abort', () => call.cancel(), { once: true });
  try {
    for await (const response of call) {
      const { part } = response as CaptureResponse;
      if (part?.$case === 'data') await target.write(part.value);
      if (part?.$case === 'summary') return part.value;
    }
  } catch (caught) {
    throw connection.failure(caught as ServiceError);
  }
  throw new Failure('the capture ended before it was whole');
}

function requestOf({ filter, count, duration, write }: CaptureOptions): CaptureRequest {
  const milliseconds = parseDuration(duration);
  if (milliseconds === undefined || milliseconds <= 0 || milliseconds > longestSeconds * 1_000)
    throw usageFailure(`--duration ${duration} is no time up to 1h; write 20s or 5m`);
  if (!/^\d{1,15}$/.test(count)) throw usageFailure(`--count ${count} is no number of packets`);
  if (write === '') throw new Failure('--write needs a file', exitCodes.usage);
  const { address, port } = parseFilter(filter ?? '');
  return { address, port, maxPackets: BigInt(count), maxSeconds: Math.max(1, Math.ceil(milliseconds / 1_000)) };
}

/** Reads `host A`, `port N` and both joined by `and`, as capture filters are written elsewhere. */
export function parseFilter(expression: string): { address: string; port: number } {
  const found = { address: '', port: 0 };
  if (expression.trim() === '') return found;
  for (const term of expression.trim().split(/\s+and\s+/i)) {
    const [, kind = '', value = ''] = /^(host|port)\s+(\S+)$/i.exec(term) ?? [];
    const number = Number(value);
    if (kind.toLowerCase() === 'host' && isIP(value) !== 0 && found.address === '') found.address = value;
    else if (kind.toLowerCase() === 'port' && number >= 1 && number <= 65_535 && found.port === 0) found.port = number;
    else throw usageFailure(`--filter: "${term}" is not understood; write "host 192.0.2.1 and port 443"`);
  }
  return found;
}
