/** Milliseconds from an arbitrary start; never goes back. */
export function now(): number {
  return performance.now();
}

/** Milliseconds since the Unix epoch. */
export function wallClock(): number {
  return Date.now();
}

export interface Waiting {
  /** Milliseconds after which it is given up. */
  readonly within?: number;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

/** Looks until `look` gives something; rejects after the deadline with `what` and the last failure. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { within = 10_000, every = 50 }: Waiting = {},
): Promise<T> {
  const deadline = now() + within;
  let last = 'it never was';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (caught) {
      last = caught instanceof Error ? caught.message : String(caught);
    }
    if (now() > deadline) throw new Error(`not within ${within} ms: ${what} (${last})`);
    await new Promise((resume) => setTimeout(resume, every));
  }
}

/** What `work` gives, or a rejection that names `what` after the deadline. */
export async function before<T>(what: string, within: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${within} ms: ${what}`)), within);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
