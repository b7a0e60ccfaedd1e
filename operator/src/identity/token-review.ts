import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { EnrolmentRefused } from './enrolment-refused.ts';

/** The audience that an agent's token must be made for. */
export const tokenAudience = 'quiver.dev/operator';

/** Whom a token belongs to; empty where the token says nothing. */
export interface TokenOwner {
  readonly username: string;
  readonly podUid: string;
  readonly nodeName: string;
}

/** Asks the API server whose token it is; undefined when it is nobody's. Rejects when the question cannot be asked. */
export interface TokenReviewer {
  review(token: string, audience: string): Promise<TokenOwner | undefined>;
}

export interface TokenReviewSettings {
  readonly maxInFlight: number;
  readonly maxWaiting: number;
  /** For how long an answer holds; the API server itself remembers a deleted pod's token for 10 s. */
  readonly rememberMilliseconds: number;
  readonly maxRemembered: number;
}

export const defaultTokenReviewSettings: TokenReviewSettings = {
  maxInFlight: 8,
  maxWaiting: 64,
  rememberMilliseconds: 10_000,
  maxRemembered: 1_024,
};

interface Remembered {
  readonly owner: Promise<TokenOwner | undefined>;
  readonly until: number;
}

/** Asks about tokens: each only once in a while, and never too many at the same time. */
export class TokenReviews {
  readonly #reviewer: TokenReviewer;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #settings: TokenReviewSettings;
  /** By the token's digest: tokens themselves are not kept. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  constructor(reviewer: TokenReviewer, clock: Pick<Clock, 'now'>, settings = defaultTokenReviewSettings) {
    this.#reviewer = reviewer;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Whose token it is; undefined when it is nobody's. Rejects with `EnrolmentRefused` `Busy` when too many wait. */
  ownerOf(token: string): Promise<TokenOwner | undefined> {
    const key = createHash('sha256').update(token).digest('hex');
    const known = this.#remembered.get(key);
    if (known !== undefined && known.until > this.#clock.now()) return known.owner;
    const owner = this.#ask(token);
    this.#remember(key, owner);
    // What could not be asked is no answer.
    owner.catch(() => this.#remembered.delete(key));
    return owner;
  }

  #remember(key: string, owner: Promise<TokenOwner | undefined>): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, { owner, until: this.#clock.now() + this.#settings.rememberMilliseconds });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > this.#settings.maxRemembered && oldest !== undefined) this.#remembered.delete(oldest);
  }

  async #ask(token: string): Promise<TokenOwner | undefined> {
    await this.#enter();
    try {
      return await this.#reviewer.review(token, tokenAudience);
    } finally {
      this.#inFlight -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    while (this.#inFlight >= this.#settings.maxInFlight) {
      if (this.#waiting.length >= this.#settings.maxWaiting) throw new EnrolmentRefused('Busy');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#inFlight += 1;
  }
}
