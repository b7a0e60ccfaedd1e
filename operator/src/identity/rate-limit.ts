import type { Clock } from '../clock.ts';

export interface RateLimitSettings {
  /** Requests at once. */
  readonly burst: number;
  /** Requests per second for ever. */
  readonly perSecond: number;
  /** Callers that are remembered; the one that was quiet longest is forgotten. */
  readonly maxCallers: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** How often each caller may ask. Bounded, whoever calls. */
export class RateLimit {
  readonly #settings: RateLimitSettings;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(settings: RateLimitSettings, clock: Pick<Clock, 'now'>) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** True when the caller may go on now; this counts as one request. */
  take(caller: string): boolean {
    const { burst, perSecond, maxCallers } = this.#settings;
    const now = this.#clock.now();
    const before = this.#buckets.get(caller) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + (Math.max(0, now - before.at) / 1_000) * perSecond);
    const isAllowed = tokens >= 1;
    // Deleted and set anew, so that the first of the map is the one that was quiet longest.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: isAllowed ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxCallers && oldest !== undefined) this.#buckets.delete(oldest);
    return isAllowed;
  }
}
