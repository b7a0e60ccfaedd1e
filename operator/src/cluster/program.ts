import { Command, CommanderError } from 'commander';
import { fromUnknown, QuiverError } from '../errors.ts';
import type { LogLevel } from '../logger.ts';
import { parseMilliseconds } from '../translate/duration.ts';
import { type ClusterSettings, type Flag, flags, type GivenFlags, readSettings, variableOf } from './settings.ts';

export interface RetireSettings {
  readonly namespace: string;
  /** Of the lease. */
  readonly name: string;
  readonly timeoutMilliseconds: number;
  readonly kubeconfig: string;
  readonly logLevel: LogLevel;
}

/** What the command line asks for. */
export type Program =
  | { readonly kind: 'Run'; readonly settings: ClusterSettings }
  | { readonly kind: 'Retire'; readonly settings: RetireSettings }
  /** Help, the version, or what is wrong with the command line. */
  | { readonly kind: 'Say'; readonly text: string; readonly exitCode: number };

type Environment = Readonly<Record<string, string | undefined>>;

const usage = 2;

/** Reads the command line and the environment; flags win. Pure. */
export function parseProgram(args: readonly string[], env: Environment, version: string): Program {
  const said: string[] = [];
  const found: Program[] = [];
  const write = (text: string): void => void said.push(text);
  const program = new Command('operator')
    .description('Quiver in a Kubernetes cluster: watches resources, configures nodes, tells what is in force')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write });
  runCommand(program).action((given: Record<string, string>) => {
    found.push({ kind: 'Run', settings: readSettings(namesOf(given), env) });
  });
  retireCommand(program).action(({ timeout, ...given }: Record<string, string>) => {
    found.push({ kind: 'Retire', settings: retireSettings(namesOf(given), timeout ?? '60s', env) });
  });
  try {
    program.parse(args, { from: 'user' });
  } catch (caught) {
    if (caught instanceof CommanderError)
      return { kind: 'Say', text: said.join(''), exitCode: caught.exitCode === 0 ? 0 : usage };
    return { kind: 'Say', text: `${fromUnknown(caught).message}\n`, exitCode: usage };
  }
  return found[0] ?? { kind: 'Say', text: program.helpInformation(), exitCode: usage };
}

function runCommand(program: Command): Command {
  const command = program.command('run').description('run one operator of the cluster until it is told to end');
  for (const flag of flags) addFlag(command, flag);
  return command;
}

const retireFlags: ReadonlySet<string> = new Set(['namespace', 'name', 'kubeconfig', 'log-level']);

function retireCommand(program: Command): Command {
  const command = program
    .command('retire')
    .description('have every node take everything of Quiver off itself, before the release is removed')
    .option('--timeout <duration>', 'how long nodes may take', '60s');
  for (const flag of flags) if (retireFlags.has(flag.name)) addFlag(command, flag);
  return command;
}

function addFlag(command: Command, { name, value, description, alias, default: byDefault }: Flag): void {
  const variables = [variableOf(name), alias].filter((one) => one !== undefined).join(', ');
  const rest = byDefault === undefined || byDefault === '' ? '' : `, default ${byDefault}`;
  command.option(`--${name} <${value}>`, `${description} (${variables}${rest})`);
}

function retireSettings(given: GivenFlags, timeout: string, env: Environment): RetireSettings {
  const timeoutMilliseconds = parseMilliseconds(timeout);
  if (timeoutMilliseconds === undefined)
    throw new QuiverError('SettingsInvalid', `--timeout ${timeout} is no duration; write 60s or 2m`);
  // A retirement runs in no pod of the operator.
  const nowhere = { 'pod-name': 'retire', 'pod-uid': 'retire', 'pod-ip': '0.0.0.0' };
  const { namespace, name, kubeconfig, logLevel } = readSettings({ ...nowhere, ...given }, env);
  return { namespace, name, timeoutMilliseconds, kubeconfig, logLevel };
}

/** Commander names options in camel case. */
function namesOf(given: Readonly<Record<string, string>>): GivenFlags {
  const named = Object.entries(given).map(([key, value]) => [
    key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(named) as GivenFlags;
}
