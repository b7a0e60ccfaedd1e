import { hash } from 'node:crypto';

/** Order by code unit: the same on every machine, whatever its locale. */
export function byText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** A copy sorted by a text key. */
export function sortedBy<T>(items: Iterable<T>, key: (item: T) => string): T[] {
  return [...items].sort((one, other) => byText(key(one), key(other)));
}

/** JSON with sorted keys and without undefined members: equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (isPlainObject(member) ? sortedMembers(member) : member));
}

/** SHA-256, hex. */
export function digestOf(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortedMembers(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(sortedBy(Object.entries(value), ([key]) => key));
}
