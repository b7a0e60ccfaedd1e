const unitMilliseconds: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Reads a Go duration (`1h30m`, `250ms`) as milliseconds; undefined when it is none. */
export function parseMilliseconds(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  return parts.reduce((sum, [, count = '0', unit = 's']) => sum + Number(count) * (unitMilliseconds[unit] ?? 1), 0);
}

/** The same as whole seconds, rounded up. */
export function parseSeconds(text: string): number | undefined {
  const milliseconds = parseMilliseconds(text);
  return milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
}
