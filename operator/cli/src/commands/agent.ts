import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { AgentSettings, CniSettings, EnrolmentSettings, TlsFiles } from '@quiver/agent';
import { Command, Option } from 'commander';
import type { CliContext } from '../context.ts';
import { usageFailure } from '../failure.ts';
import { addNodeOptions, engineOptions, httpSettings, logLevel, type NodeOptions } from '../running/node-options.ts';
import { readRouterFile } from '../running/router-file.ts';
import { runAgent } from '../running/run-agent.ts';

interface AgentOptions extends NodeOptions {
  readonly operator: string;
  readonly node: string;
  readonly config?: string;
  readonly fabric?: string;
  readonly router?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsAuthority?: string;
  readonly tlsServerName?: string;
  readonly enrol?: string;
  readonly enrolToken?: string;
  readonly enrolAuthority?: string;
  readonly cniMode?: CniSettings['mode'];
  readonly cniSocket?: string;
  readonly cniConfDir?: string;
  readonly cniBinDir?: string;
}

export function agentCommand(context: CliContext): Command {
  const command = new Command('agent')
    .description('run one more node of a router; its operator runs elsewhere')
    .requiredOption('--operator <address>', 'host:port, or unix:/path on the same machine')
    .requiredOption('--node <name>', 'which node of the router this is')
    .option('--config <file>', 'the RouterConfig; only its fabric and router are read')
    .option('--fabric <name>', 'instead of --config')
    .option('--router <name>', 'instead of --config')
    .option('--tls-certificate <file>', "the node's certificate")
    .option('--tls-key <file>', 'its key')
    .option('--tls-authority <file>', 'certificates of the authorities that sign operators')
    .option('--tls-server-name <name>', "name in the operator's certificate, where it is not its address")
    .option('--enrol <address>', 'host:port where the operator gives this node its certificate, instead of --tls-…')
    .option('--enrol-token <file>', 'token of the service account with which it is asked for')
    .option('--enrol-authority <file>', 'certificates of the authorities that sign operators; may come later')
    .addOption(
      new Option('--cni-mode <mode>', 'serve the container runtime: behind another plugin, as the whole network')
        .choices(['Chained', 'Primary', 'Off'])
        .default('Off', 'Off: what was configured before is taken away'),
    )
    .option('--cni-socket <path>', 'where the CNI plugin asks (default: below /run/quiver)')
    .option('--cni-conf-dir <folder>', "the runtime's network configurations; without it nothing is configured")
    .option('--cni-bin-dir <folder>', "the runtime's plugins, as this process sees them");
  return addNodeOptions(command).action((options: AgentOptions) => run(options, context));
}

async function run(options: AgentOptions, context: CliContext): Promise<void> {
  // A node's memory belongs to its pods: garbage goes early.
  setFlagsFromString('--optimize-for-size');
  const { fabric, router } = await identityOf(options);
  const { node } = options;
  const enrolment = enrolmentOf(options);
  const tls = enrolment === undefined ? tlsOf(options) : undefined;
  const http = httpSettings(options.metricsAddress);
  const level = logLevel(options, context);
  const { jsonLogger } = await import('@quiver/agent');
  const engine = await context.startEngine(engineOptions(options));
  const settings: AgentSettings = {
    fabric,
    router,
    node,
    operator: { address: options.operator, tls },
    enrolment,
    cni: cniOf(options, join(context.runDir, 'cni.sock')),
    stateDir: join(options.stateDir ?? join(context.stateDir, router), node),
    socket: options.socket ?? join(context.runDir, `${router}-${node}.sock`),
    http,
    version: context.version,
    keepDevice: options.keepOnStop === true,
    isPatient: true,
  };
  const logger = jsonLogger(level, context.stderr).with({ component: 'agent' });
  await runAgent({ agent: settings }, { context, engine, logger });
}

async function identityOf({ config, fabric, router }: AgentOptions): Promise<{ fabric: string; router: string }> {
  if (fabric !== undefined && router !== undefined) return { fabric, router };
  if (config === undefined) throw usageFailure('say whose node this is: give --config, or --fabric and --router');
  const file = await readRouterFile(config);
  return { fabric: fabric ?? file.fabric, router: router ?? file.router };
}

function tlsOf(options: AgentOptions): TlsFiles | undefined {
  const {
    operator,
    tlsCertificate: certificate,
    tlsKey: key,
    tlsAuthority: authority,
    tlsServerName: serverName,
  } = options;
  if (operator.startsWith('unix:')) return undefined;
  requireHostAndPort('--operator', operator, ' or unix:/path');
  if (certificate === undefined || key === undefined || authority === undefined)
    throw usageFailure(`${operator} needs certificates: give --tls-certificate, --tls-key and --tls-authority`);
  return { certificate, key, authority, serverName };
}

function enrolmentOf(options: AgentOptions): EnrolmentSettings | undefined {
  const { operator, enrol: address, enrolToken: token, enrolAuthority: authority, tlsServerName: serverName } = options;
  if (address === undefined || operator.startsWith('unix:')) return undefined;
  requireHostAndPort('--operator', operator, ' or unix:/path');
  requireHostAndPort('--enrol', address, '');
  if (token === undefined || authority === undefined)
    throw usageFailure(`--enrol ${address} needs --enrol-token and --enrol-authority`);
  return { address, token, authority, serverName };
}

function cniOf({ cniMode, cniSocket, cniConfDir, cniBinDir }: AgentOptions, socket: string): CniSettings | undefined {
  const mode = cniMode ?? 'Off';
  if (mode === 'Off' && cniConfDir === undefined) return undefined;
  return { mode, socket: cniSocket ?? socket, confDir: cniConfDir, binDir: cniBinDir };
}

function requireHostAndPort(flag: string, address: string, otherwise: string): void {
  if (!/^.+:\d{1,5}$/.test(address)) throw usageFailure(`${flag} ${address}: write host:port${otherwise}`);
}
