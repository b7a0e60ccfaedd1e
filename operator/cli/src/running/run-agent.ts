import type { Agent, AgentError, AgentSettings, EngineHandle, Logger } from '@quiver/agent';
import type { OperatorView } from '@quiver/dataplane-api';
import type { CliContext } from '../context.ts';

export interface RunSettings {
  readonly agent: AgentSettings;
  readonly operatorView?: () => OperatorView | undefined;
}

export interface RunDeps {
  readonly context: CliContext;
  readonly logger: Logger;
  readonly engine: EngineHandle;
}

/** Runs a node until a signal comes or the machine refuses its configuration; then everything is taken away again. */
export async function runAgent({ agent: settings, operatorView }: RunSettings, deps: RunDeps): Promise<void> {
  const { context, logger, engine } = deps;
  const { Agent: Node, networkProbe, systemClock } = await import('@quiver/agent');
  const agent = await startOrUndo(
    () =>
      Node.start(settings, {
        engine,
        clock: systemClock(),
        random: context.random,
        logger,
        probe: networkProbe,
        operatorView,
      }),
    engine,
  );
  context.stdout.write(
    `Node ${settings.node} of router ${settings.router} runs; ask it with: quiver status --socket ${settings.socket}\n`,
  );
  const failure = await Promise.race([agent.failed, interrupted(context.interrupted)]);
  await agent.stop();
  if (failure !== undefined) throw failure satisfies AgentError;
}

async function startOrUndo(start: () => Promise<Agent>, engine: EngineHandle): Promise<Agent> {
  try {
    return await start();
  } catch (caught) {
    await engine.stop(false);
    throw caught;
  }
}

function interrupted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
