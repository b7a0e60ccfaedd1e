import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '@quiver/agent';
import type { RouterConfig, Standalone } from '@quiver/operator';
import { Command } from 'commander';
import { operatorSocketEnding } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { addNodeOptions, engineOptions, httpSettings, logLevel, type NodeOptions } from '../running/node-options.ts';
import { OpeningLines } from '../running/opening-lines.ts';
import { readRouterFile } from '../running/router-file.ts';
import { runAgent } from '../running/run-agent.ts';

interface StandaloneOptions extends NodeOptions {
  readonly config: string;
  readonly resources: readonly string[];
  readonly statusFile?: string;
}

export function standaloneCommand(context: CliContext): Command {
  const command = new Command('standalone')
    .description('run a whole router here: operator and agent in one process, from files')
    .requiredOption('--config <file>', 'the RouterConfig')
    .requiredOption('--resources <place...>', 'directories and files with resources; they are watched')
    .option('--node <name>', 'which node of the router this is (default: the first one)')
    .option('--status-file <file>', 'where conditions are kept, as YAML or JSON by its name');
  return addNodeOptions(command).action((options: StandaloneOptions) => runStandalone(options, context));
}

async function runStandalone(options: StandaloneOptions, context: CliContext): Promise<void> {
  const router = await readRouterFile(options.config);
  const node = nodeOf(router, options.node);
  const http = httpSettings(options.metricsAddress);
  const level = logLevel(options, context);
  const socket = options.socket ?? join(context.runDir, `${router.router}.sock`);
  const { jsonLogger, systemClock } = await import('@quiver/agent');
  const logger = jsonLogger(level, context.stderr);
  // What the machine lacks is told first, and before anything is made.
  const engine = await context.startEngine(engineOptions(options));
  const operatorSocket = `${socket.replace(/\.sock$/, '')}${operatorSocketEnding}`;
  const lines = new OpeningLines(node, (line) => context.stdout.write(`${line}\n`), systemClock());
  const operator = await startOperator(options, operatorSocket, { lines, logger }).catch(async (caught: unknown) => {
    lines.open();
    await engine.stop(false);
    throw caught;
  });
  const { operatorViewOf } = await import('../running/operator-view.ts');
  const settings = {
    fabric: router.fabric,
    router: router.router,
    node,
    operator: { address: `unix:${operatorSocket}` },
    stateDir: join(options.stateDir ?? join(context.stateDir, router.router), node),
    socket,
    http,
    version: context.version,
    keepDevice: options.keepOnStop === true,
  };
  const operatorView = () => {
    const { status } = operator.operator;
    return status === undefined ? undefined : operatorViewOf(status);
  };
  try {
    await runAgent({ agent: settings, operatorView }, { context, engine, logger: logger.with({ component: 'agent' }) });
  } finally {
    lines.open();
    await operator.stop();
  }
}

async function startOperator(
  { config, resources, statusFile }: StandaloneOptions,
  socket: string,
  { lines, logger }: { readonly lines: OpeningLines; readonly logger: Logger },
): Promise<Standalone> {
  const { startStandalone, systemClock } = await import('@quiver/operator');
  await mkdir(dirname(socket), { recursive: true });
  return startStandalone(
    { routerFile: config, resources, socket, statusFile },
    { clock: systemClock(), logger, print: lines.print },
  );
}

function nodeOf({ nodes = [], router }: RouterConfig, wanted: string | undefined): string {
  const names = nodes.map(({ name }) => name);
  const node = wanted ?? names[0] ?? '';
  if (names.includes(node)) return node;
  throw new Failure(`router ${router} has no node ${node}; its nodes are ${names.join(', ')}`);
}
