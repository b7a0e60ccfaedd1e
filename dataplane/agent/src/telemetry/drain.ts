import { Counters, type Event, type Telemetry } from '@quiver/dataplane-api';
import type { Clock, Timer } from '../clock.ts';
import type { EngineHandle } from '../engine/engine-handle.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface DrainDeps {
  readonly engine: Pick<EngineHandle, 'drainTelemetry'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after each successful draining. */
  readonly drained: () => void;
}

const intervalMilliseconds = 1_000;

/** Fetches what the engine has to tell, every second and when asked. */
export class TelemetryDrain {
  readonly #deps: DrainDeps;
  #counters = Counters.create();
  #notices: readonly string[] = [];
  #eventsLost = 0n;
  #isAnswering = false;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(deps: DrainDeps) {
    this.#deps = deps;
  }

  get counters(): Counters {
    return this.#counters;
  }

  get notices(): readonly string[] {
    return this.#notices;
  }

  /** Events that nobody will see, since the start. */
  get eventsLost(): bigint {
    return this.#eventsLost;
  }

  /** Whether the engine answered last time. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }

  start(): void {
    this.#timer = this.#deps.clock.every(intervalMilliseconds, () => void this.refresh());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#running;
  }

  /** Drains now, or joins the draining that is under way. Never rejects. */
  refresh(): Promise<void> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #drain(): Promise<void> {
    try {
      this.#take(await this.#deps.engine.drainTelemetry());
      this.#isAnswering = true;
    } catch (caught) {
      if (this.#isAnswering) this.#deps.logger.error('the engine does not answer', { reason: messageOf(caught) });
      this.#isAnswering = false;
      return;
    }
    this.#deps.drained();
  }

  #take({ counters, notices, events, eventsLost }: Telemetry): void {
    for (const notice of notices) if (!this.#notices.includes(notice)) this.#deps.logger.warn(notice);
    for (const event of events) logEvent(event, this.#deps.logger);
    this.#counters = counters ?? Counters.create();
    this.#notices = notices;
    this.#eventsLost += eventsLost;
  }
}

function logEvent({ event }: Event, logger: Logger): void {
  switch (event?.$case) {
    case undefined:
      return;
    case 'sessionOpened': {
      const session = event.value.session;
      return logger.debug('session opened', { session: session?.sessionId, service: session?.service });
    }
    case 'sessionClosed': {
      const { session, reason } = event.value;
      return logger.debug('session closed', { session: session?.sessionId, service: session?.service, reason });
    }
    case 'sessionModified':
      return logger.debug('session changed', { session: event.value.sessionId, change: event.value.change });
    case 'metadataRejected':
      return logger.debug('metadata rejected', { from: event.value.remoteAddress, reason: event.value.reason });
    case 'peerRestarted':
      return logger.info('peer restarted', { router: event.value.router, node: event.value.node });
    case 'engineRestarted':
      return logger.error('a worker failed, all began anew without sessions', {
        worker: event.value.worker,
        reason: event.value.message,
      });
  }
}
