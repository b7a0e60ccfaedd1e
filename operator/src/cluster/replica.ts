import type { Clock } from '../clock.ts';
import { fromUnknown } from '../errors.ts';
import { type Answer, type HttpListening, serveHttp } from '../http/server.ts';
import type { TokenReviewer } from '../identity/token-review.ts';
import { backoff } from '../kubernetes/backoff.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { LeaseElection, leaseDeleted } from '../kubernetes/lease/lease-election.ts';
import { type Annotations, retireAnnotation, retiredAnnotation } from '../kubernetes/lease/lease-record.ts';
import { pause } from '../kubernetes/pause.ts';
import type { Logger } from '../logger.ts';
import { type MetricSources, OperatorMetrics } from '../metrics/operator-metrics.ts';
import { Translator } from '../translator.ts';
import type { ClusterView } from './cluster-view.ts';
import { LeaderTerm } from './leader-term.ts';
import { missingAnnotation, missingText, progressText, type RetirementProgress } from './retirement.ts';
import type { ClusterSettings } from './settings.ts';

export interface ReplicaDeps {
  readonly client: ApiClient;
  readonly view: ClusterView;
  readonly reviewer: TokenReviewer;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly version: string;
}

/** Why a replica ended. */
export type ReplicaEnd = 'Stopped' | 'LeadershipLost' | 'Failed';

/** For what is under way when the process is told to end. */
const stopMilliseconds = 5_000;
const lossMilliseconds = 1_000;
/** A release is removed at once after its nodes are retired. */
const forgottenMilliseconds = 30_000;

const startWaits = { first: 500, most: 10_000 };

/** One operator among several: always up to date, and serving while it leads. */
export class Replica {
  readonly #settings: ClusterSettings;
  readonly #deps: ReplicaDeps;
  readonly #translator: Translator;
  readonly #election: LeaseElection;
  readonly #metrics: OperatorMetrics;
  readonly #ending = new AbortController();
  readonly #ended: Promise<ReplicaEnd>;
  #end: (end: ReplicaEnd) => void = () => undefined;
  #http: readonly HttpListening[] = [];
  #term: LeaderTerm | undefined;
  #isReady = false;
  #isRetiring = false;
  #retireTold = '';
  #retiredText = '';

  constructor(settings: ClusterSettings, deps: ReplicaDeps) {
    this.#settings = settings;
    this.#deps = deps;
    const { client, clock, random, view, version } = deps;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#metrics = new OperatorMetrics(version, this.#figures());
    const logger = (component: string): Logger => deps.logger.with({ component });
    const measure = this.#metrics.measureTranslation;
    this.#translator = new Translator({ source: view, clock, logger: logger('translate'), measure });
    const { namespace, name, podName, podUid } = settings;
    const identity = `${podName}_${podUid}`;
    const lease = { namespace, name };
    this.#election = new LeaseElection({ client, lease, identity, clock, random, logger: logger('lease') });
  }

  /** Ports for metrics and health. */
  get httpPorts(): readonly number[] {
    return this.#http.map(({ port }) => port);
  }

  /** Ports for configurations and enrolments; empty while it does not serve. */
  get agentPorts(): readonly number[] {
    return this.#term?.isServing === true ? this.#term.ports : [];
  }

  /** Runs until `stop`, the loss of leadership or a failure. Rejects when it cannot begin. */
  async run(): Promise<ReplicaEnd> {
    await this.#openHttp();
    await this.#translator.start();
    if (this.#ending.signal.aborted) return this.#ended;
    this.#isReady = true;
    this.#deps.logger.info('ready');
    this.#election.run({
      won: (epoch) => void this.#lead(epoch),
      observed: (annotations) => this.#observe(annotations),
      lost: (reason) => void this.#lose(reason),
    });
    return this.#ended;
  }

  /** Ends in order: not ready, no more work, what is under way is finished, the lease given back. */
  async stop(end: ReplicaEnd = 'Stopped'): Promise<void> {
    const { logger } = this.#deps;
    this.#isReady = false;
    this.#ending.abort();
    logger.info('stopping');
    this.#translator.stop();
    await this.#atMost(stopMilliseconds, this.#term?.stop());
    void this.#term?.abort();
    await this.#election.release();
    await Promise.all(this.#http.map((one) => one.close()));
    this.#end(end);
  }

  #figures(): MetricSources {
    return {
      isLeader: () => this.#election.isLeader,
      isReady: () => this.#isReady,
      watches: () => this.#deps.view.watches(),
      problems: () => this.#translator.latest?.problems ?? [],
      nodes: () => this.#term?.nodes() ?? [],
      queues: () => this.#term?.queues() ?? {},
      eventsDropped: () => this.#term?.eventsDropped ?? 0,
      authorityEnd: () => this.#term?.authorityEnd,
    };
  }

  async #atMost(milliseconds: number, work: Promise<void> | undefined): Promise<void> {
    const done = new AbortController();
    await Promise.race([work, pause(this.#deps.clock, milliseconds, done.signal)]);
    done.abort();
  }

  async #openHttp(): Promise<void> {
    const { metricsListen, healthListen } = this.#settings;
    const logger = this.#deps.logger.with({ component: 'http' });
    const metrics = async (): Promise<Answer> => ({ status: 200, ...(await this.#metrics.read()) });
    const alive = (): Answer => ({ status: 200, text: 'ok\n' });
    const ready = (): Answer => (this.#isReady ? alive() : { status: 503, text: this.#notReady() });
    this.#http = [
      await serveHttp(metricsListen, { '/metrics': metrics }, logger),
      await serveHttp(healthListen, { '/healthz': alive, '/readyz': ready }, logger),
    ];
  }

  #notReady(): string {
    if (this.#retiredText !== '') return this.#retiredText;
    if (this.#ending.signal.aborted) return 'it is ending\n';
    const { obstacle } = this.#deps.view;
    if (obstacle !== undefined) return `${obstacle.message}\n`;
    const waiting = this.#deps.view.watches().filter(({ isSynced }) => !isSynced);
    return `not everything was read from the API server yet: ${waiting.map(({ kind }) => kind).join(', ')}\n`;
  }

  // An authority that is broken or cannot be read is tried again here: to end would only help the other replica if
  // the fault were ours.
  async #lead(epoch: bigint): Promise<void> {
    const { clock, random, logger } = this.#deps;
    for (let failures = 1; !this.#ending.signal.aborted; failures += 1) {
      const term = this.#newTerm(epoch);
      this.#term = term;
      try {
        await term.start();
        if (this.#isRetiring) this.#retire(term);
        return;
      } catch (caught) {
        const { code, message } = fromUnknown(caught);
        logger.error('cannot serve agents', { code, reason: message });
        await term.abort();
        if (code === 'ListenFailed') return this.stop('Failed');
      }
      await pause(clock, backoff(failures, startWaits, random), this.#ending.signal);
    }
  }

  #newTerm(epoch: bigint): LeaderTerm {
    const { client, view, reviewer, clock, random, logger } = this.#deps;
    const shared = { client, view, reviewer, clock, random, logger, metrics: this.#metrics };
    return new LeaderTerm({ ...shared, settings: this.#settings, epoch, translator: this.#translator });
  }

  async #lose(reason: string): Promise<void> {
    this.#ending.abort();
    const isRetired = this.#isRetiring && reason === leaseDeleted;
    this.#isReady = this.#isReady && isRetired;
    // Streams end in this turn; what else is under way may wait for an API server that does not answer.
    await this.#atMost(lossMilliseconds, this.#term?.abort());
    if (isRetired) return this.#idle();
    this.#deps.logger.error('this operator ends, so that it begins anew', { code: 'LeadershipLost', reason });
    this.#translator.stop();
    await Promise.all(this.#http.map((one) => one.close()));
    this.#end('LeadershipLost');
  }

  // Whoever began anew here would configure the nodes again that were cleaned. A release that is not removed then was
  // forgotten, which must be seen.
  #idle(): void {
    const { clock, logger } = this.#deps;
    logger.info('the nodes are retired, nothing is left to do');
    clock.after(forgottenMilliseconds, () => {
      this.#isReady = false;
      this.#retiredText = 'the nodes are retired: remove the release, or restart the operators to use it again\n';
      logger.warn('the nodes are retired, and the release is still there');
    });
  }

  #observe(annotations: Annotations): void {
    if (annotations[retireAnnotation] === undefined || this.#isRetiring) return;
    this.#isRetiring = true;
    this.#deps.logger.warn('retiring: every node takes everything of Quiver off itself');
    if (this.#term?.isServing === true) this.#retire(this.#term);
  }

  #retire(term: LeaderTerm): void {
    term.retire((progress) => void this.#tellRetired(progress));
  }

  async #tellRetired(progress: RetirementProgress): Promise<void> {
    const text = `${progressText(progress)} ${missingText(progress)}`;
    if (text === this.#retireTold) return;
    this.#retireTold = text;
    try {
      await this.#election.annotate({
        [retiredAnnotation]: progressText(progress),
        [missingAnnotation]: missingText(progress) || undefined,
      });
    } catch (caught) {
      this.#deps.logger.warn('the progress is not told', { reason: fromUnknown(caught).message });
    }
  }
}
