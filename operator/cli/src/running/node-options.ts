import type { EngineOptions, HttpSettings, LogLevel } from '@quiver/agent';
import { type Command, Option } from 'commander';
import type { CliContext } from '../context.ts';
import { usageFailure } from '../failure.ts';

/** Flags of every command that runs a node. */
export interface NodeOptions {
  readonly node?: string;
  readonly socket?: string;
  readonly stateDir?: string;
  readonly metricsAddress?: string;
  readonly device: string;
  readonly instance: string;
  readonly workers: string;
  readonly mtu: string;
  readonly keepOnStop?: boolean;
  readonly logLevel?: LogLevel;
}

const usualMetricsAddress = '127.0.0.1:9464';

export function addNodeOptions(command: Command): Command {
  return command
    .option('--socket <path>', 'where the command line asks (default: below /run/quiver)')
    .option('--state-dir <folder>', 'where the last good configuration is kept (default: below /var/lib/quiver)')
    .option('--metrics-address <address:port>', `metrics and health; "off" for none (default: ${usualMetricsAddress})`)
    .option('--device <name>', 'name of the TUN device', 'quiver0')
    .option(
      '--instance <name>',
      'part of the names of nftables tables, for several routers in one network namespace',
      '',
    )
    .option('--workers <number>', 'worker threads; 0 = one per processor, at most four', '0')
    .option('--mtu <bytes>', 'MTU of the device towards local clients and servers', '1500')
    .option('--keep-on-stop', 'leave the device and its rules behind, so that sessions survive until the next start')
    .addOption(
      new Option('--log-level <level>', 'of the JSON lines on stderr').choices(['debug', 'info', 'warn', 'error']),
    );
}

export function engineOptions({ device, instance, workers, mtu }: NodeOptions): EngineOptions {
  return { device, instance, workers: wholeNumber('--workers', workers), mtu: wholeNumber('--mtu', mtu) };
}

/** Where metrics are served; an address that nobody asked for may be taken by others. */
export function httpSettings(address: string | undefined): HttpSettings | undefined {
  if (address === 'off') return undefined;
  const text = address ?? usualMetricsAddress;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw usageFailure(`--metrics-address ${text}: write 127.0.0.1:9464 or off`);
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '::' : host, port, isRequired: address !== undefined };
}

export function logLevel({ logLevel: level }: NodeOptions, { env }: CliContext): LogLevel {
  const named = level ?? env['LOG_LEVEL'] ?? 'info';
  if (named === 'debug' || named === 'info' || named === 'warn' || named === 'error') return named;
  throw usageFailure(`LOG_LEVEL=${named}: use debug, info, warn or error`);
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw usageFailure(`${flag} ${text} is no number`);
  return Number(text);
}
