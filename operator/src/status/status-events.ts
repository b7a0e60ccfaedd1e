import type { Condition, ConditionType } from '../conditions/condition.ts';

/** An event to be shown on an object. */
export interface StatusEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Types whose becoming true is worth telling. */
const told: Partial<Record<ConditionType, string>> = {
  Programmed: 'every node runs it',
  Ready: 'everything about it holds',
};

/**
 * What happened between the stored conditions and those that are written: what became true, and what is false for a
 * new reason. A condition that only repeats another one's reason is told once. Pure.
 */
export function eventsOf(before: readonly Condition[], after: readonly Condition[]): readonly StatusEvent[] {
  const news = after.filter((condition) => isNews(condition, before));
  const isReady = news.some(({ type, status }) => type === 'Ready' && status === 'True');
  // Ready says more than Programmed: one event of the two.
  const worth = isReady ? news.filter(({ type }) => type !== 'Programmed') : news;
  const good = worth.flatMap(({ type, status }): StatusEvent[] => {
    const message = told[type];
    return status === 'True' && message !== undefined ? [{ type: 'Normal', reason: type, message }] : [];
  });
  const bad = news
    .filter(({ status }) => status === 'False')
    .map(({ reason, message }): StatusEvent => ({ type: 'Warning', reason, message }));
  return [...new Map([...good, ...bad].map((event) => [`${event.reason} ${event.message}`, event])).values()];
}

function isNews(condition: Condition, before: readonly Condition[]): boolean {
  const former = before.find(({ type }) => type === condition.type);
  if (former?.status !== condition.status) return true;
  return condition.status === 'False' && former.reason !== condition.reason;
}
