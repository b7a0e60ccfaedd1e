import type { Versions } from './overview.ts';
import { labelOf, type Pod } from './pod.ts';

/** The version that a pod runs: its label's, else its image's tag; empty when neither tells. */
export function versionOf(pod: Pod): string {
  const label = labelOf(pod, 'app.kubernetes.io/version');
  return label === '' ? (/:([^/:@]+)(?:@.*)?$/.exec(pod.image)?.[1] ?? '') : label;
}

/** What is odd about versions that meet, one sentence with the way out each; none when all are fine. */
export function skewOf({ client, operators, agents }: Versions): readonly string[] {
  const sentences: string[] = [];
  if (operators.length > 1 || agents.length > 1)
    sentences.push(
      `several versions run at once (${[...new Set([...operators, ...agents])].join(', ')}); if no upgrade is going on, look at kubectl rollout status`,
    );
  const apart = agents.filter((agent) => operators.some((operator) => minorsApart(agent, operator) > 1));
  for (const agent of apart)
    sentences.push(`agent ${agent} is more than one minor version from the operator; upgrade the older one`);
  const [operator = client] = operators;
  if (minorsApart(client, operator) > 0)
    sentences.push(`this program is ${client}, the operator ${operator}; use the program of the operator's version`);
  return sentences;
}

function minorsApart(one: string, other: string): number {
  const [first, second] = [one, other].map((version) => /^v?(\d+)\.(\d+)/.exec(version));
  if (first === null || second === null || first === undefined || second === undefined) return 0;
  if (first[1] !== second[1]) return Number.POSITIVE_INFINITY;
  return Math.abs(Number(first[2]) - Number(second[2]));
}
