import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { now } from './eventually.ts';
import type { Namespace } from './namespace.ts';
import { program } from './servers.ts';

/** A file of random bytes, or of a text again and again. */
export interface Content {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export async function makeContent(folder: string, name: string, bytes: number, text?: string): Promise<Content> {
  const content = text === undefined ? randomBytes(bytes) : Buffer.alloc(bytes, text);
  await writeFile(join(folder, name), content);
  return { name, bytes, sha256: createHash('sha256').update(content).digest('hex') };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

export interface Download {
  /** curl's exit code: 0 when everything came. */
  readonly code: number | null;
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
  readonly stderr: string;
}

export interface DownloadOptions {
  /** Own address to dial from. */
  readonly from?: string;
  /** Seconds after which it is given up. */
  readonly within?: number;
}

export function curl(url: string, { from, within = 20 }: DownloadOptions = {}): string[] {
  const own = from === undefined ? [] : ['--interface', from];
  return ['curl', '--silent', '--show-error', '--globoff', '--max-time', String(within), ...own, url];
}

/** Address as it stands in a URL. */
export function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Downloads with curl, once. */
export async function download(
  client: Namespace,
  url: string,
  folder: string,
  options: DownloadOptions = {},
): Promise<Download> {
  const path = join(folder, `download-${options.from ?? 'any'}`.replaceAll(':', '_'));
  await writeFile(path, '');
  const start = now();
  const outcome = await client.run([...curl(url, options), '--output', path]);
  const seconds = (now() - start) / 1000;
  const sha256 = await sha256Of(path);
  const bytes = (await stat(path)).size;
  return { code: outcome.code, bytes, sha256, seconds, stderr: outcome.stderr.trim() };
}

export interface Asked {
  readonly sent: number;
  readonly received: number;
  readonly portsTried: number;
  readonly portsOk: number;
}

export interface Asking {
  readonly from: string;
  readonly to: string;
  /** `9000` or `10000-10049`. */
  readonly ports: string;
  readonly rounds?: number;
  readonly text?: string;
}

/** Sends datagrams that have to come back. */
export async function askUdp(
  client: Namespace,
  { from, to, ports, rounds = 1, text = 'hello' }: Asking,
): Promise<Asked> {
  const output = await client.must(program('udp-client.ts', from, to, ports, String(rounds), text));
  return JSON.parse(output) as Asked;
}

/** Sends echo requests with the ordinary ping. */
export async function ping(
  client: Namespace,
  to: string,
  { from, count = 5, size = 56 }: { readonly from?: string; readonly count?: number; readonly size?: number } = {},
): Promise<{ readonly sent: number; readonly received: number; readonly output: string }> {
  const own = from === undefined ? [] : ['-I', from];
  const numbers = ['-c', String(count), '-i', '0.1', '-W', '1', '-s', String(size)];
  const { stdout, stderr } = await client.run(['ping', '-n', ...numbers, ...own, to]);
  const [, sent = '0', received = '0'] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
  return { sent: Number(sent), received: Number(received), output: `${stdout}${stderr}` };
}

export interface Rate {
  readonly bitsPerSecond: number;
  readonly retransmits: number;
}

/** Throughput of one TCP stream, client to server, as iperf3 measures it. */
export async function measureTcp(client: Namespace, to: string, port: number, seconds: number): Promise<Rate> {
  const command = ['iperf3', '-c', to, '-p', String(port), '-t', String(seconds), '-J', '-C', 'cubic'];
  const report = JSON.parse(await client.must(command)) as {
    readonly end: {
      readonly sum_sent: { readonly retransmits: number };
      readonly sum_received: { readonly bits_per_second: number };
    };
  };
  return {
    bitsPerSecond: report.end.sum_received.bits_per_second,
    retransmits: report.end.sum_sent.retransmits,
  };
}
