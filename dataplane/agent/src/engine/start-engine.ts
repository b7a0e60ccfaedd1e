import { Engine, loadBinding, type StartOptions } from '@quiver/engine';
import { AgentError, messageOf } from '../errors.ts';
import type { EngineHandle } from './engine-handle.ts';

export type EngineOptions = StartOptions;

/** Starts the real engine. Rejects with an `AgentError` whose sentence says what is missing; nothing is left behind then. */
export async function startEngine(options: EngineOptions): Promise<EngineHandle> {
  try {
    return await Engine.start(loadBinding(), options);
  } catch (caught) {
    throw new AgentError('EngineUnusable', messageOf(caught), { cause: caught });
  }
}
