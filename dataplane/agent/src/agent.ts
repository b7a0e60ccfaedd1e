import type { NodeConfig, OperatorView, Rejected, Snapshot } from '@quiver/dataplane-api';
import { type AdminListening, serveAdmin } from './admin/server.ts';
import type { Clock, Timer } from './clock.ts';
import type { Candidate } from './config/candidate.ts';
import { Configuration, type Verdict } from './config/configuration.ts';
import { Fence } from './config/fence.ts';
import { LastGood, type NodeIdentity } from './config/last-good.ts';
import { Secrets } from './config/secrets.ts';
import { dialOperator, type OperatorAddress } from './config-stream/channel.ts';
import { ConfigStream } from './config-stream/client.ts';
import type { EngineHandle } from './engine/engine-handle.ts';
import { AgentError, messageOf } from './errors.ts';
import type { Probe } from './health/probe.ts';
import { Prober } from './health/prober.ts';
import { type HttpListening, serveHttp } from './http/server.ts';
import type { Logger } from './logger.ts';
import { NodeView } from './node-view.ts';
import { TelemetryDrain } from './telemetry/drain.ts';
import { fingerprint, makeReport } from './telemetry/report.ts';

export interface AgentSettings extends NodeIdentity {
  readonly operator: OperatorAddress;
  /** Folder of the last good configuration. */
  readonly stateDir: string;
  /** Path of the socket for the command line. */
  readonly socket: string;
  /** Where metrics and health are served; nowhere when undefined. */
  readonly http?: HttpSettings | undefined;
  readonly version: string;
  /** Leave the device and its rules behind when stopping, for the next start. */
  readonly keepDevice: boolean;
}

export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  /** False: when the address is taken, the agent goes on without. */
  readonly isRequired: boolean;
}

export interface AgentDeps {
  readonly engine: EngineHandle;
  readonly clock: Clock;
  /** Numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly probe: Probe;
  /** What the operator tells, where it runs in the same process. */
  readonly operatorView?: (() => OperatorView | undefined) | undefined;
}

/** How long the operator has the first word: what it revoked must not come back from the disk. */
const graceMilliseconds = 1_000;

/** A running node. */
export class Agent {
  readonly #settings: AgentSettings;
  readonly #deps: AgentDeps;
  readonly #configuration: Configuration;
  readonly #stream: ConfigStream;
  readonly #drain: TelemetryDrain;
  readonly #prober: Prober;
  readonly #lastGood: LastGood;
  readonly #view: NodeView;
  readonly #failure = Promise.withResolvers<AgentError>();
  #fence = new Fence();
  #grace: Timer | undefined;
  #admin: AdminListening | undefined;
  #http: HttpListening | undefined;
  #reported = '';
  #nackedByFault = '';
  #isStopping = false;

  private constructor(settings: AgentSettings, deps: AgentDeps) {
    const { engine, clock, logger, random, probe } = deps;
    this.#settings = settings;
    this.#deps = deps;
    this.#lastGood = new LastGood(settings.stateDir, logger);
    this.#prober = new Prober({ probe, clock, logger, changed: () => this.#configuration.refresh() });
    this.#drain = new TelemetryDrain({ engine, clock, logger, drained: () => this.#report() });
    this.#configuration = new Configuration({
      engine,
      clock,
      logger,
      adapt: (config) => this.#prober.adapt(config),
      settled: (candidate, verdict) => this.#settled(candidate, verdict),
    });
    this.#stream = new ConfigStream({
      identity: settings,
      agentVersion: settings.version,
      dial: () => dialOperator(settings.operator),
      clock,
      random,
      logger,
      digest: () => this.#configuration.inForce?.candidate.digest ?? '',
      received: (snapshot) => this.#received(snapshot),
      changed: () => this.#linkChanged(),
    });
    this.#view = new NodeView({
      settings,
      startedAt: clock.now(),
      clock,
      configuration: this.#configuration,
      stream: this.#stream,
      drain: this.#drain,
      prober: this.#prober,
      notReady: () => this.notReady,
      operatorView: deps.operatorView ?? (() => undefined),
    });
  }

  /** Rejects with an `AgentError` when a socket, an address or the state directory cannot be used; the engine is left running. */
  static async start(settings: AgentSettings, deps: AgentDeps): Promise<Agent> {
    const agent = new Agent(settings, deps);
    try {
      await agent.#open();
    } catch (caught) {
      await agent.#close();
      throw caught;
    }
    return agent;
  }

  /** Resolves when the machine refuses the very first configuration, so that there is nothing to go on with. */
  get failed(): Promise<AgentError> {
    return this.#failure.promise;
  }

  /** Port of metrics and health; undefined when they are not served. */
  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  /** Why the node does not forward as it should; empty when it does. */
  get notReady(): string {
    if (this.#isStopping) return 'the node is stopping';
    if (this.#configuration.inForce === undefined) return 'no configuration is in force yet';
    return this.#drain.isAnswering ? '' : 'the engine does not answer';
  }

  /** Says that it is not ready, lets the operator go, and stops the engine. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#close();
    await this.#drain.refresh();
    await this.#deps.engine.stop(this.#settings.keepDevice);
  }

  async #open(): Promise<void> {
    const { socket, stateDir, operator, http } = this.#settings;
    await this.#lastGood.prepare();
    const saved = await this.#lastGood.load(this.#settings);
    // On this machine the socket's permissions decide who leads.
    if (saved !== undefined && !operator.address.startsWith('unix:')) this.#fence = new Fence(saved.epoch);
    this.#admin = await serveAdmin(socket, {
      engine: this.#deps.engine,
      status: () => this.#view.status(),
      drops: () => this.#view.drops(),
      captures: stateDir,
    });
    if (http !== undefined) this.#http = await this.#serveHttp(http);
    await this.#drain.refresh();
    this.#drain.start();
    this.#stream.start();
    this.#grace = this.#deps.clock.after(graceMilliseconds, () => this.#fallBack(saved));
  }

  async #close(): Promise<void> {
    this.#grace?.cancel();
    this.#stream.close();
    this.#prober.stop();
    await this.#configuration.close();
    await this.#drain.stop();
    await this.#http?.close();
    await this.#admin?.close();
  }

  async #serveHttp(http: HttpSettings): Promise<HttpListening | undefined> {
    const { logger } = this.#deps;
    const sources = { metrics: () => this.#view.metrics(), notReady: () => this.notReady };
    try {
      return await serveHttp(http, sources, logger);
    } catch (caught) {
      if (http.isRequired) throw caught;
      logger.warn('metrics and health are not served', { reason: messageOf(caught) });
      return undefined;
    }
  }

  #received({ version, epoch, digest, config, secrets }: Snapshot): void {
    const reason = this.#fence.check({ version, epoch }) ?? this.#wrongNode(config);
    if (reason !== undefined || config === undefined) {
      const reasons = reason === undefined ? [] : [reason];
      this.#configuration.noteRefused(version, reasons);
      this.#deps.logger.warn('configuration refused', { version: String(version), reason: reason?.message });
      return this.#stream.reject(version, reasons);
    }
    this.#configuration.offer({ version, epoch, digest, config, secrets: new Secrets(secrets), origin: 'Operator' });
  }

  #wrongNode(config: NodeConfig | undefined): Rejected | undefined {
    const { fabric, router, node } = this.#settings;
    if (config?.fabric === fabric && config.router === router && config.node === node) return undefined;
    const message = `this is node ${node} of router ${router} in fabric ${fabric}`;
    return { code: 'WrongNode', field: 'node', message };
  }

  #fallBack(saved: Candidate | undefined): void {
    if (saved === undefined || this.#configuration.inForce !== undefined) return;
    this.#deps.logger.warn('forwarding with the last good configuration', { version: String(saved.version) });
    this.#configuration.offer(saved);
  }

  async #settled(candidate: Candidate, verdict: Verdict): Promise<void> {
    const { logger, clock } = this.#deps;
    const { version, origin } = candidate;
    if (verdict.kind === 'accepted') {
      this.#prober.follow(candidate.config);
      logger.info('configuration in force', { version: String(version), origin });
      if (origin === 'LastGood') return;
      this.#acknowledge(candidate);
      await this.#lastGood
        .save(candidate, clock.now())
        .catch((caught: unknown) => logger.error('the configuration is not kept', { reason: messageOf(caught) }));
      return;
    }
    const [first] = verdict.reasons;
    logger.warn('configuration refused', {
      version: String(version),
      origin,
      code: first?.code,
      reason: first?.message,
    });
    if (origin === 'Operator') this.#stream.reject(version, verdict.reasons);
    if (verdict.kind === 'fault') this.#faulted(candidate, verdict.fault);
  }

  #faulted(candidate: Candidate, fault: unknown): void {
    this.#nackedByFault = candidate.digest;
    if (this.#configuration.inForce !== undefined) return;
    this.#failure.resolve(new AgentError('EngineUnusable', messageOf(fault), { cause: fault }));
  }

  // A version is answered once: after a fault that went away, the operator learns it by the digest of a new stream.
  #acknowledge({ version, digest }: Candidate): void {
    if (this.#nackedByFault === digest) this.#stream.reconnect();
    else this.#stream.acknowledge(version);
    this.#nackedByFault = '';
  }

  #linkChanged(): void {
    this.#reported = '';
    if (this.#stream.state.isConnected) this.#report();
  }

  #report(): void {
    const report = makeReport(this.#drain.counters, this.#view.configInEngine());
    const text = fingerprint(report);
    if (text !== this.#reported && this.#stream.report(report)) this.#reported = text;
  }
}
