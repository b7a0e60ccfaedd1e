import { Command, CommanderError } from 'commander';
import { addClusterOptions } from './cluster/options.ts';
import { agentCommand } from './commands/agent.ts';
import { captureCommand } from './commands/capture.ts';
import { cniCommand } from './commands/cni.ts';
import { complete, completeWord } from './commands/complete.ts';
import { completionCommand } from './commands/completion.ts';
import { connectCommand } from './commands/connect.ts';
import { diagnoseCommand } from './commands/diagnose.ts';
import { dropsCommand } from './commands/drops.ts';
import { explainCommand } from './commands/explain.ts';
import { factsCommand } from './commands/facts.ts';
import { peerCommand } from './commands/peer.ts';
import { peersCommand } from './commands/peers.ts';
import { sessionsCommand } from './commands/sessions.ts';
import { standaloneCommand } from './commands/standalone.ts';
import { statusCommand } from './commands/status.ts';
import { supportBundleCommand } from './commands/support-bundle.ts';
import { translateCommand } from './commands/translate.ts';
import { validateCommand } from './commands/validate.ts';
import { versionCommand } from './commands/version.ts';
import type { CliContext } from './context.ts';
import { exitCodes, Failure } from './failure.ts';
import type { Outcome } from './outcome.ts';

/** Runs one command line and gives its exit code: 0 as asked, 1 not so, 2 the command line makes no sense. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const outcome: Outcome = { exitCode: exitCodes.ok };
  if (args[0] === completeWord) {
    context.stdout.write(complete(buildProgram(context, outcome), args.slice(1)));
    return exitCodes.ok;
  }
  try {
    await buildProgram(context, outcome).parseAsync([...args], { from: 'user' });
    return outcome.exitCode;
  } catch (caught) {
    return tell(caught, context);
  }
}

function tell(caught: unknown, context: CliContext): number {
  // Commander has told it already.
  if (caught instanceof CommanderError) return caught.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const message = caught instanceof Error ? caught.message : String(caught);
  context.stderr.write(`${message}\n`);
  return caught instanceof Failure ? caught.exitCode : exitCodes.failure;
}

function buildProgram(context: CliContext, outcome: Outcome): Command {
  const program = new Command(context.isPlugin ? 'kubectl quiver' : 'quiver')
    .description('Secure Vector Routing: sessions instead of tunnels.')
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, '')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addClusterOptions(program);
  const commands = [
    standaloneCommand(context),
    agentCommand(context),
    cniCommand(context),
    translateCommand(context),
    validateCommand(context, outcome),
    statusCommand(context, outcome),
    sessionsCommand(context, outcome),
    explainCommand(context, outcome),
    dropsCommand(context, outcome),
    peersCommand(context, outcome),
    diagnoseCommand(context, outcome),
    peerCommand(context),
    connectCommand(context),
    supportBundleCommand(context, outcome),
    factsCommand(context),
    captureCommand(context),
    versionCommand(context, outcome),
    completionCommand(context, () => program),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}
