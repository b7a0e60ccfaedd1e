import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdminListening, serveAdmin } from './admin/server.ts';
import type { AgentDeps, AgentSettings, HttpSettings } from './agent-settings.ts';
import type { Timer } from './clock.ts';
import { CniService, type CniSettings } from './cni/cni-service.ts';
import type { Candidate } from './config/candidate.ts';
import { Configuration } from './config/configuration.ts';
import { Fence } from './config/fence.ts';
import { Intake } from './config/intake.ts';
import { LastGood } from './config/last-good.ts';
import { dialOperator, type OperatorAddress } from './config-stream/channel.ts';
import { ConfigStream } from './config-stream/client.ts';
import { type AgentError, messageOf } from './errors.ts';
import { Prober } from './health/prober.ts';
import { type HttpListening, serveHttp } from './http/server.ts';
import { Identity } from './identity/identity.ts';
import { NodeView } from './node-view.ts';
import { Pods } from './pods/pods.ts';
import { TelemetryDrain } from './telemetry/drain.ts';
import { fingerprint, makeReport } from './telemetry/report.ts';

/** How long the operator has the first word while it is being reached: what it revoked must not come back from the disk. */
const graceMilliseconds = 1_000;
/** An operator that is away for less may just have changed its leader. */
const awayMilliseconds = 2_000;

/** A running node. */
export class Agent {
  readonly #settings: AgentSettings;
  readonly #deps: AgentDeps;
  readonly #configuration: Configuration;
  readonly #intake: Intake;
  readonly #stream: ConfigStream;
  readonly #identity: Identity | undefined;
  readonly #drain: TelemetryDrain;
  readonly #prober: Prober;
  readonly #pods: Pods;
  readonly #cni: CniService | undefined;
  readonly #lastGood: LastGood;
  readonly #view: NodeView;
  readonly #failure = Promise.withResolvers<AgentError>();
  #saved: Candidate | undefined;
  #grace: Timer | undefined;
  #admin: AdminListening | undefined;
  #http: HttpListening | undefined;
  #reported = '';
  #isEngineStopped = false;
  #isRetired = false;
  #isStopping = false;

  private constructor(settings: AgentSettings, deps: AgentDeps) {
    const { engine, clock, logger, random, probe } = deps;
    const { enrolment, stateDir } = settings;
    const shared = { clock, logger };
    this.#settings = settings;
    this.#deps = deps;
    this.#lastGood = new LastGood(stateDir, logger);
    this.#prober = new Prober({ ...shared, probe, changed: () => this.#configuration.refresh() });
    this.#pods = new Pods({ ...shared, folder: stateDir, changed: () => this.#configuration.refresh() });
    this.#drain = new TelemetryDrain({ ...shared, engine, drained: () => this.#drained() });
    this.#configuration = new Configuration({
      ...shared,
      engine,
      adapt: (config) => this.#pods.adapt(this.#prober.adapt(config)),
      applied: (config) => this.#pods.applied(config),
      settled: (candidate, verdict) => this.#intake.settled(candidate, verdict),
    });
    if (enrolment !== undefined) {
      const folder = join(stateDir, 'identity');
      const renewed = () => this.#stream.reconnect();
      this.#identity = new Identity({ ...shared, node: settings, folder, settings: enrolment, random, renewed });
    }
    this.#stream = new ConfigStream({
      ...shared,
      identity: settings,
      agentVersion: settings.version,
      dial: async () => dialOperator({ ...settings.operator, tls: await this.#tls() }),
      random,
      digest: () => (this.#isRetired ? '' : (this.#configuration.inForce?.candidate.digest ?? '')),
      received: (snapshot) => this.#intake.receive(snapshot),
      changed: () => this.#linkChanged(),
    });
    this.#intake = new Intake(
      {
        ...shared,
        identity: settings,
        configuration: this.#configuration,
        stream: this.#stream,
        lastGood: this.#lastGood,
        inForce: (candidate) => this.#inForce(candidate),
        retire: () => this.#retire(),
        failed: (error) => this.#fail(error),
      },
      new Fence(),
    );
    if (settings.cni !== undefined) this.#cni = this.#makeCni(settings.cni);
    this.#view = new NodeView({
      settings,
      startedAt: clock.now(),
      clock,
      configuration: this.#configuration,
      stream: this.#stream,
      drain: this.#drain,
      adapt: (config) => this.#prober.adapt(config),
      cni: this.#cni,
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

  /** Resolves when there is nothing to go on with: the machine refuses the very first configuration, or a retired node is wanted again. */
  get failed(): Promise<AgentError> {
    return this.#failure.promise;
  }

  /** Port of metrics and health; undefined when they are not served. */
  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  /** Why the node does not forward as it should; empty when it does, or when nothing is wanted of it any more. */
  get notReady(): string {
    if (this.#isStopping) return 'the node is stopping';
    if (this.#isRetired) return '';
    if (this.#configuration.inForce === undefined) {
      const [reason] = this.#configuration.refused?.reasons ?? [];
      return `no configuration is in force yet${reason === undefined ? '' : `: ${reason.message} (${reason.code})`}`;
    }
    return this.#drain.isAnswering ? '' : 'the engine does not answer';
  }

  /** Says that it is not ready, lets the operator go, and stops the engine. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#close();
    if (this.#isRetired) {
      await this.#identity?.remove();
      return rm(this.#settings.stateDir, { recursive: true, force: true });
    }
    await this.#drain.refresh();
    await this.#stopEngine(this.#settings.keepDevice);
  }

  async #open(): Promise<void> {
    const { socket, stateDir, operator, http } = this.#settings;
    await this.#lastGood.prepare();
    await this.#pods.load();
    this.#saved = await this.#lastGood.load(this.#settings);
    // On this machine the socket's permissions decide who leads.
    if (this.#saved !== undefined && !operator.address.startsWith('unix:'))
      this.#intake.follow(new Fence(this.#saved.epoch));
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
    this.#identity?.start();
    await this.#cni?.start();
    this.#grace = this.#deps.clock.after(graceMilliseconds, () => this.#fallBack());
  }

  async #close(): Promise<void> {
    this.#grace?.cancel();
    await this.#cni?.stop();
    this.#identity?.stop();
    this.#intake.stop();
    this.#stream.close();
    this.#prober.stop();
    await this.#configuration.close();
    await this.#drain.stop();
    await this.#pods.close();
    await this.#http?.close();
    await this.#admin?.close();
  }

  // What runtimes see goes first, so that no pod is started half; the state goes last, so that a failure can be repeated.
  async #retire(): Promise<void> {
    this.#grace?.cancel();
    await this.#cni?.remove();
    this.#prober.stop();
    await this.#configuration.close();
    await this.#drain.stop();
    await this.#stopEngine(false);
    await Promise.all([this.#lastGood.remove(), this.#pods.remove()]);
    this.#isRetired = true;
    this.#deps.logger.info('nothing of Quiver is left on this node but this process');
  }

  async #stopEngine(keepDevice: boolean): Promise<void> {
    if (this.#isEngineStopped) return;
    await this.#deps.engine.stop(keepDevice);
    this.#isEngineStopped = true;
  }

  #makeCni(settings: CniSettings): CniService {
    const { clock, logger } = this.#deps;
    const isOperatorAway = () => {
      const { isConnected, since } = this.#stream.state;
      return !isConnected && clock.now() - since >= awayMilliseconds;
    };
    return new CniService({
      settings,
      stateDir: this.#settings.stateDir,
      clock,
      logger,
      pods: this.#pods,
      isOperatorAway,
      notReady: () => this.notReady,
      config: () => this.#configuration.inForce?.candidate.config,
    });
  }

  async #tls(): Promise<OperatorAddress['tls']> {
    return this.#identity === undefined ? this.#settings.operator.tls : this.#identity.files();
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

  #fallBack(): void {
    const saved = this.#saved;
    this.#saved = undefined;
    if (saved === undefined || this.#configuration.inForce !== undefined || this.#intake.isRetiring) return;
    this.#deps.logger.warn('forwarding with the last good configuration', { version: String(saved.version) });
    this.#configuration.offer(saved);
  }

  #inForce({ config }: Candidate): void {
    this.#prober.follow(config);
    this.#cni?.check();
  }

  #fail(error: AgentError): void {
    if (error.code !== 'EngineUnusable' || this.#settings.isPatient !== true) return this.#failure.resolve(error);
    this.#deps.logger.error('the machine refuses the configuration; it is tried again', { reason: error.message });
  }

  // An attempt that failed ends the operator's first word.
  #linkChanged(): void {
    const { isConnected } = this.#stream.state;
    this.#reported = '';
    this.#pods.wake();
    if (isConnected) this.#report();
    else this.#fallBack();
  }

  #drained(): void {
    const inForce = this.#configuration.inForce?.candidate;
    // Only an operator that is there knows which pods there are.
    if (inForce?.origin === 'Operator' && this.#stream.state.isConnected) this.#pods.prune(inForce.config);
    this.#report();
  }

  #report(): void {
    const report = makeReport(this.#drain.counters, this.#view.configInEngine());
    const text = fingerprint(report);
    if (text !== this.#reported && this.#stream.report(report)) this.#reported = text;
  }
}
