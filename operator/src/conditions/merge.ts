import type { Condition, Finding } from './condition.ts';

/** The CRDs allow 2048 characters. */
const maxMessage = 2048;

/** Conditions from findings: a transition time changes only with the status. */
export function mergeConditions(
  findings: readonly Finding[],
  previous: readonly Condition[],
  generation: number,
  now: string,
): readonly Condition[] {
  return findings.map((finding) => {
    const before = previous.find(({ type }) => type === finding.type);
    return {
      ...finding,
      message: limitMessage(finding.message),
      observedGeneration: generation,
      lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : now,
    };
  });
}

/** One message of several, the rest counted when they do not fit. */
export function joinMessages(messages: readonly string[]): string {
  const kept: string[] = [];
  let length = 0;
  for (const message of messages) {
    length += message.length + 2;
    if (kept.length > 0 && length > maxMessage - 20)
      return `${kept.join('; ')}; and ${messages.length - kept.length} more`;
    kept.push(message);
  }
  return kept.join('; ');
}

function limitMessage(message: string): string {
  return message.length <= maxMessage ? message : `${message.slice(0, maxMessage - 1)}…`;
}
