import { isRecord } from '../../kubernetes/client/kube-object.ts';

/** The value if it is an object, else one without fields: what is missing reads as empty. */
export function recordIn(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

export function list(value: unknown, field: string): readonly unknown[] {
  const found = recordIn(value)[field];
  return Array.isArray(found) ? found : [];
}

export function records(value: unknown, field: string): readonly Record<string, unknown>[] {
  return list(value, field).filter(isRecord);
}

export function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === 'string');
}

/** Empty when it is missing. */
export function textIn(value: unknown, field: string): string {
  const found = recordIn(value)[field];
  return typeof found === 'string' ? found : '';
}

/** 0 when it is missing. */
export function numberIn(value: unknown, field: string): number {
  const found = recordIn(value)[field];
  return typeof found === 'number' ? found : 0;
}
