/** A tenth: what differs less is the same for who looks. */
const tolerance = 0.1;

/** A count with two significant digits: 1234 is 1200. */
export function roundedCount(count: number): number {
  return Number(count.toPrecision(2));
}

/**
 * The count to show: the one that is shown already while it is near enough, so that traffic alone writes nothing.
 * None and some are never the same.
 */
export function steadyCount(shown: number | undefined, actual: number): number {
  if (shown === undefined || (shown === 0) !== (actual === 0)) return roundedCount(actual);
  const isNear = Math.abs(actual - shown) <= tolerance * Math.max(actual, shown);
  return isNear ? shown : roundedCount(actual);
}
