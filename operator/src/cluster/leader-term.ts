import type { Clock, Timer } from '../clock.ts';
import type { NodeReport } from '../conditions/node-report.ts';
import { type AgentStream, Distributor } from '../distribute/distributor.ts';
import { type Listening, serveAgents } from '../distribute/server.ts';
import { desiredOwnedObjects } from '../dns/owned-objects.ts';
import { AuthorityKeeper } from '../identity/authority-keeper.ts';
import { MemoryCertificates } from '../identity/certificate-provider.ts';
import { Enrolment } from '../identity/enrolment.ts';
import { serveEnrolment } from '../identity/enrolment-server.ts';
import type { TokenReviewer } from '../identity/token-review.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import type { KubeObject } from '../kubernetes/client/kube-object.ts';
import type { Logger } from '../logger.ts';
import type { OperatorMetrics } from '../metrics/operator-metrics.ts';
import { Operator } from '../operator.ts';
import type { Snapshot, Subscription } from '../source/resource-source.ts';
import type { Translator } from '../translator.ts';
import { AgentNodes, joinMilliseconds } from './agent-nodes.ts';
import type { ClusterView } from './cluster-view.ts';
import { KubernetesAuthorityStore } from './kubernetes-authority-store.ts';
import { operatorEndpoints } from './operator-endpoints.ts';
import { type RetirementProgress, retired, retirementProgress } from './retirement.ts';
import type { ClusterSettings } from './settings.ts';
import { Writers } from './writers.ts';

export interface LeaderTermDeps {
  readonly settings: ClusterSettings;
  readonly epoch: bigint;
  readonly client: ApiClient;
  readonly view: ClusterView;
  readonly translator: Translator;
  readonly reviewer: TokenReviewer;
  readonly metrics: Pick<OperatorMetrics, 'written' | 'enrolled'>;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** Several pods that go at once are one look at the streams. */
const recheckDelayMilliseconds = 50;
const settleMilliseconds = 300;

/** Everything that only the leader does: it serves agents and writes. */
export class LeaderTerm {
  readonly #deps: LeaderTermDeps;
  readonly #certificates = new MemoryCertificates();
  readonly #keeper: AuthorityKeeper;
  readonly #distributor: Distributor;
  readonly #writers: Writers;
  readonly #operator: Operator;
  readonly #agents: AgentNodes;
  readonly #ends: (() => void)[] = [];
  #translations: Subscription | undefined;
  #listening: readonly Listening[] = [];
  #recheck: Timer | undefined;
  #settling: Timer | undefined;
  #isRetiring = false;
  #isServing = false;
  #isOver = false;

  constructor(deps: LeaderTermDeps) {
    this.#deps = deps;
    const { translator, clock, epoch, settings, view } = deps;
    const logger = (component: string): Logger => deps.logger.with({ component });
    this.#keeper = this.#newKeeper(logger('authority'));
    const refusal = (node: string, stream: AgentStream) => this.#refusalOf(node, stream);
    this.#distributor = new Distributor({ epoch, logger: logger('distribute'), refusal });
    this.#writers = new Writers({ ...deps, podName: settings.podName });
    this.#agents = new AgentNodes(settings, clock, (name) => view.node(name));
    this.#operator = new Operator({
      translator,
      distributor: this.#distributor,
      status: this.#writers.status,
      clock,
      logger: logger('operator'),
      adapt: (node) => (this.#isRetiring ? retired(node) : node),
      concerns: (node) => this.#agents.isAwaited(node),
    });
  }

  /** Begins to serve. Rejects when it cannot: there is no authority, or an address is taken. */
  async start(): Promise<void> {
    const { settings, view, translator } = this.#deps;
    await this.#keeper.start();
    if (this.#isOver) return this.#keeper.stop();
    this.#translations = translator.subscribe(({ snapshot }) => this.#take(snapshot));
    this.#operator.start();
    await this.#open(this.#serveAgents(settings));
    await this.#open(this.#serveEnrolment(settings));
    if (this.#isOver) return;
    this.#isServing = true;
    this.#want();
    this.#distributor.onChange(() => this.#nodesChanged());
    this.#ends.push(view.onMachines(() => this.#machinesChanged()));
    this.#lookAtTaints();
  }

  /** What is known of each node that has an agent. */
  nodes(): readonly NodeReport[] {
    return this.#operator.nodes();
  }

  /** Objects that wait to be written. */
  queues(): Readonly<Record<string, number>> {
    return this.#writers.queues();
  }

  /** Ports for configurations and enrolments; empty before it serves. */
  get ports(): readonly number[] {
    return this.#listening.map(({ port }) => port);
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  get eventsDropped(): number {
    return this.#writers.eventsDropped;
  }

  get authorityEnd(): number | undefined {
    return this.#keeper.authority?.notAfter;
  }

  /** Tells every node to take everything off; calls `listener` with each progress. */
  retire(listener: (progress: RetirementProgress) => void): void {
    if (this.#isRetiring) return;
    this.#isRetiring = true;
    this.#operator.republish();
    const tell = (): void => listener(retirementProgress(this.#nodesWithAgents()));
    this.#distributor.onChange(tell);
    tell();
  }

  /** Ends all streams at once, before anything is waited for, and writes nothing more. */
  async abort(): Promise<void> {
    this.#isOver = true;
    this.#isServing = false;
    const closed = this.#closeAddresses();
    this.#unsubscribe();
    await Promise.all([closed, this.#operator.stop(), this.#writers.close()]);
  }

  /** As `abort`, after agents were led away from here and what waits was written. */
  async stop(): Promise<void> {
    this.#isServing = false;
    this.#want();
    await this.#operator.stop();
    await this.#writers.drain();
    await this.abort();
  }

  // On other nodes there is nothing to take off.
  #nodesWithAgents(): readonly NodeReport[] {
    return this.#distributor.reports().filter(({ node, isConnected }) => isConnected || this.#agents.has(node));
  }

  #unsubscribe(): void {
    this.#keeper.stop();
    this.#translations?.close();
    this.#recheck?.cancel();
    this.#settling?.cancel();
    for (const end of this.#ends) end();
  }

  async #open(opening: Promise<Listening>): Promise<void> {
    const listening = await opening;
    this.#listening = [...this.#listening, listening];
    // It was lost meanwhile.
    if (this.#isOver) await this.#closeAddresses();
  }

  async #closeAddresses(): Promise<void> {
    this.#distributor.close();
    await Promise.all(this.#listening.map((one) => one.close()));
  }

  #newKeeper(logger: Logger): AuthorityKeeper {
    const { client, settings, clock } = this.#deps;
    return new AuthorityKeeper({
      store: new KubernetesAuthorityStore(client, { namespace: settings.namespace, name: settings.authority }),
      certificates: this.#certificates,
      name: 'Quiver authority',
      dnsNames: dnsNamesOf(settings),
      clock,
      logger,
    });
  }

  #serveAgents({ configListen }: ClusterSettings): Promise<Listening> {
    const logger = this.#deps.logger.with({ component: 'distribute' });
    return serveAgents({ listen: configListen, tls: this.#certificates }, { distributor: this.#distributor, logger });
  }

  #serveEnrolment({ enrolListen, namespace, agentServiceAccount }: ClusterSettings): Promise<Listening> {
    const { reviewer, translator, view, clock, metrics } = this.#deps;
    const logger = this.#deps.logger.with({ component: 'enrolment' });
    const enrolment = new Enrolment({
      reviewer,
      authority: () => this.#keeper.authority,
      router: () => translator.latest?.ir,
      hasNode: (name) => translator.latest?.ir.nodes.some((node) => node.name === name) ?? false,
      nodeOfPod: (uid) => view.nodeOfPod(uid),
      agentUsername: `system:serviceaccount:${namespace}:${agentServiceAccount}`,
      clock,
      logger,
      counted: (result) => metrics.enrolled(result),
    });
    return serveEnrolment(enrolListen, { enrolment, certificates: this.#certificates, logger });
  }

  #take({ kubernetes }: Snapshot): void {
    if (this.#isServing) this.#want();
    const hasJoined = this.#agents.take(kubernetes?.pods ?? []);
    // Then objects begin to wait for a node that has not dialled.
    if (hasJoined) this.#deps.clock.after(joinMilliseconds + 1_000, () => this.#operator.refreshSoon());
  }

  #want(): void {
    const { translator, settings } = this.#deps;
    const { latest } = translator;
    // Without any translation nobody knows which names are published, so none is taken back.
    if (latest === undefined) return;
    const { services, slices } = desiredOwnedObjects(latest.ir, latest.snapshot.services);
    this.#writers.owned.want([...services, ...slices, ...operatorEndpoints(settings, this.#isServing)].map(asObject));
  }

  // A certificate outlives its pod by up to an hour; a stream does not.
  #refusalOf(node: string, { certifiedName = '' }: AgentStream): { code: string; message: string } | undefined {
    if (this.#deps.view.nodeOfPod(certifiedName) === node) return undefined;
    return { code: 'PodGone', message: `the agent's pod ${certifiedName} is not on node ${node} any more` };
  }

  #machinesChanged(): void {
    this.#recheck ??= this.#deps.clock.after(recheckDelayMilliseconds, () => {
      this.#recheck = undefined;
      this.#distributor.recheck();
      // A node may be off, or back.
      this.#operator.refreshSoon();
      this.#lookAtTaints();
    });
  }

  #nodesChanged(): void {
    this.#lookAtTaints();
    const isComplete = this.#operator.nodes().every(({ isConnected, report }) => isConnected && report !== undefined);
    // What they said has to reach the status first.
    if (isComplete) this.#settling ??= this.#deps.clock.after(settleMilliseconds, () => this.#writers.status.settle());
  }

  #lookAtTaints(): void {
    if (!this.#deps.settings.removesTaint || this.#isRetiring) return;
    for (const { node, isConnected, acknowledged } of this.nodes()) {
      // What a node ran before it left says nothing: a machine made anew has the name of the former one.
      if (isConnected && acknowledged !== undefined) this.#writers.taints.look(node);
    }
  }
}

function asObject<T extends object>(manifest: T): T & KubeObject {
  return manifest as T & KubeObject;
}

function dnsNamesOf({ name, namespace }: ClusterSettings): readonly string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}
