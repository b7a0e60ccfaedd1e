import type { Cluster } from './cluster.ts';
import type { Agent } from './installation.ts';

/** What one node answered, or why it did not. */
export type NodeAnswer<T> =
  | { readonly agent: Agent; readonly value: T }
  | { readonly agent: Agent; readonly error: string };

/** So many nodes are asked at once: enough for large clusters, little for their API server. */
const width = 8;

/** Asks every node the same, several at once; one that does not answer never keeps the others. */
export function askAgents<T>(
  cluster: Cluster,
  agents: readonly Agent[],
  command: readonly string[],
  read: (answer: unknown) => T,
): Promise<readonly NodeAnswer<T>[]> {
  return inParallel(agents, (agent) => askAgent(cluster, agent, command, read));
}

/** Runs `quiver COMMAND -o json` in the agent's container and reads what it prints. */
export async function askAgent<T>(
  cluster: Cluster,
  agent: Agent,
  command: readonly string[],
  read: (answer: unknown) => T,
): Promise<NodeAnswer<T>> {
  if (agent.trouble !== undefined) return { agent, error: agent.trouble };
  try {
    const { exitCode, stdout, stderr } = await cluster.exec(agent.where, commandLine(command));
    const answer = parsed(stdout);
    // Exit code 1 with an answer is an answer: "not ready", "denied".
    if (answer === undefined) return { agent, error: firstLine(stderr) || `it ended with exit code ${exitCode}` };
    return { agent, value: read(answer) };
  } catch (caught) {
    return { agent, error: caught instanceof Error ? caught.message : String(caught) };
  }
}

/** Values of the nodes that answered. */
export function answered<T>(
  answers: readonly NodeAnswer<T>[],
): readonly { readonly agent: Agent; readonly value: T }[] {
  return answers.filter((answer) => 'value' in answer);
}

/** One sentence for each node that did not answer. */
export function failuresOf(answers: readonly NodeAnswer<unknown>[]): readonly string[] {
  return answers.flatMap((answer) => ('error' in answer ? [`node ${answer.agent.node}: ${answer.error}`] : []));
}

/** Where the image of the agent keeps program and socket. */
function commandLine(command: readonly string[]): readonly string[] {
  const socket = command[0] === 'facts' ? [] : ['--socket', '/run/quiver/agent.sock'];
  return ['node', '/app/quiver.mjs', ...command, '-o', 'json', ...socket];
}

/** Maps with a bounded number of promises at once; keeps the order. */
export async function inParallel<T, R>(items: readonly T[], use: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await use(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return results;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
