import { readFile } from 'node:fs/promises';
import type { RouterConfig } from '@quiver/operator';
import { Failure } from '../failure.ts';

/** Reads a RouterConfig, or says file, line, field and the way out for everything that is wrong with it. */
export async function readRouterFile(file: string): Promise<RouterConfig> {
  const { formatProblem, parseRouterFile } = await import('@quiver/operator');
  const text = await readFile(file, 'utf8').catch((caught: unknown) => {
    throw new Failure(`${file}: ${caught instanceof Error ? caught.message : String(caught)}`);
  });
  const { config, problems } = parseRouterFile(file, text);
  if (config === undefined) throw new Failure(problems.map(formatProblem).join('\n'));
  return config;
}
