import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '../conditions/condition.ts';
import type { PathObservation, TargetObservation } from './observation.ts';
import type { ObjectStatus } from './status-report.ts';
import { steadyCount } from './steady-count.ts';

type Status = ObjectStatus['status'];

/** What to do about the status of one object. */
export type StatusPlan =
  | { readonly kind: 'Nothing' }
  | {
      readonly kind: 'Write';
      readonly status: Status;
      /** Nothing but counts of sessions differs: it can wait. */
      readonly isCountsOnly: boolean;
    };

/** Items in a list of a status, at most; the definitions allow more. */
const maxItems = 128;

/** Types that this operator writes; others belong to whoever wrote them. */
const ownTypes: ReadonlySet<string> = new Set([
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'Established',
  'DNSPublished',
  'Ready',
]);

/** Of a default status, which no operator has written. */
const neverWritten = '1970-01-01T00:00:00Z';

/**
 * Compares what an object's status shall be with what is stored. Transition times are carried over from what is
 * stored, counts move only by a tenth or more; conditions that others wrote are theirs. `now` is RFC 3339. Pure.
 */
export function planStatus(desired: Status, stored: unknown, now: string): StatusPlan {
  const present = storedStatus(stored);
  const bounded = bound(desired);
  const conditions = desired.conditions.map((condition) => carryOver(condition, present.conditions, now));
  const status = pruned({ ...withSteadyCounts(bounded, present), conditions });
  if (isEqual(status, present)) return { kind: 'Nothing' };
  const isCountsOnly = isEqual(pruned({ ...withStoredCounts(bounded, present), conditions }), present);
  return { kind: 'Write', status, isCountsOnly };
}

interface StoredStatus extends Readonly<Record<string, unknown>> {
  readonly conditions: readonly Condition[];
  readonly sessions?: number;
  readonly targets?: readonly TargetObservation[];
  readonly paths?: readonly PathObservation[];
}

// The API server has checked it against the definition, or it is absent.
function storedStatus(stored: unknown): StoredStatus {
  const status = (stored ?? {}) as Partial<StoredStatus>;
  return { ...status, conditions: (status.conditions ?? []).filter(({ type }) => ownTypes.has(type)) };
}

function carryOver(condition: Condition, stored: readonly Condition[], now: string): Condition {
  const before = stored.find(({ type }) => type === condition.type);
  const isSame = before?.status === condition.status && before.lastTransitionTime !== neverWritten;
  return { ...condition, lastTransitionTime: isSame ? before.lastTransitionTime : wholeSeconds(now) };
}

// Times are compared as text by the API server: one form only.
function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

function bound(status: Status): Status {
  const { targets, paths } = status;
  return {
    ...status,
    ...(targets === undefined ? {} : { targets: keep(targets, ({ healthy }) => !healthy) }),
    ...(paths === undefined ? {} : { paths: keep(paths, ({ state }) => state !== 'Up') }),
  };
}

// Of a long list what is wrong stays, and the order.
function keep<T>(items: readonly T[], isWrong: (item: T) => boolean): readonly T[] {
  if (items.length <= maxItems) return items;
  const kept = new Set([...items.filter(isWrong), ...items.filter((item) => !isWrong(item))].slice(0, maxItems));
  return items.filter((item) => kept.has(item));
}

type Counted = { readonly sessions?: number };
type ChooseCount = (shown: number | undefined, actual: number) => number;

function withSteadyCounts(status: Status, stored: StoredStatus): Status {
  return withCounts(status, stored, steadyCount);
}

function withStoredCounts(status: Status, stored: StoredStatus): Status {
  return withCounts(status, stored, (shown, actual) => shown ?? actual);
}

function withCounts(status: Status, stored: StoredStatus, choose: ChooseCount): Status {
  const { targets, paths } = status;
  return {
    ...counted(status, stored, choose),
    ...(targets === undefined ? {} : { targets: countedList(targets, stored.targets, targetKey, choose) }),
    ...(paths === undefined ? {} : { paths: countedList(paths, stored.paths, pathKey, choose) }),
  };
}

function counted<T extends Counted>(one: T, stored: Counted | undefined, choose: ChooseCount): T {
  return one.sessions === undefined ? one : { ...one, sessions: choose(stored?.sessions, one.sessions) };
}

function countedList<T extends Counted>(
  items: readonly T[],
  stored: readonly T[] | undefined,
  keyOf: (item: T) => string,
  choose: ChooseCount,
): readonly T[] {
  const before = new Map((stored ?? []).map((item) => [keyOf(item), item]));
  return items.map((item) => counted(item, before.get(keyOf(item)), choose));
}

function targetKey({ address, port }: TargetObservation): string {
  return `${address} ${port ?? 0}`;
}

function pathKey({ local, remote }: PathObservation): string {
  return `${local} ${remote}`;
}

/** Without what is undefined, as JSON has it. */
function pruned(status: Status): Status {
  return JSON.parse(JSON.stringify(status)) as Status;
}

function isEqual(status: Status, stored: StoredStatus): boolean {
  return isDeepStrictEqual(byKey(status), byKey(stored));
}

// Conditions and paths are maps by their keys; the order is the server's.
function byKey({ conditions, paths, ...rest }: StoredStatus | Status): object {
  const named = Object.fromEntries(conditions.map((one) => [one.type, one]));
  return { ...rest, conditions: named, paths: paths && Object.fromEntries(paths.map((one) => [pathKey(one), one])) };
}
