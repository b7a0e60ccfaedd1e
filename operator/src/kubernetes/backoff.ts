/** Bounds of a wait that doubles with each failure. */
export interface BackoffLimits {
  /** Milliseconds before the first repetition. */
  readonly first: number;
  /** Milliseconds at most. */
  readonly most: number;
}

/**
 * Milliseconds to wait after so many failures in a row. Between half and the whole of the doubled time, so that what
 * failed together does not come back together.
 */
export function backoff(failures: number, { first, most }: BackoffLimits, random: () => number): number {
  const whole = Math.min(most, first * 2 ** Math.min(Math.max(failures - 1, 0), 40));
  return whole * (0.5 + random() / 2);
}
