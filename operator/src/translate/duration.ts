const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Reads a Go duration (`1h30m`, `250ms`) as whole seconds, rounded up; undefined when it is none. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  return Math.ceil(
    parts.reduce((sum, [, count = '0', unit = 's']) => sum + Number(count) * (unitSeconds[unit] ?? 1), 0),
  );
}
