import type { NodeConfig, Rejected, Snapshot } from '@quiver/dataplane-api';
import type { Clock } from '../clock.ts';
import type { ConfigStream } from '../config-stream/client.ts';
import { AgentError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Candidate } from './candidate.ts';
import type { Configuration, Verdict } from './configuration.ts';
import type { Fence } from './fence.ts';
import type { LastGood, NodeIdentity } from './last-good.ts';
import { Retirement } from './retirement.ts';
import { Secrets } from './secrets.ts';

export interface IntakeDeps {
  readonly identity: NodeIdentity;
  readonly configuration: Configuration;
  readonly stream: ConfigStream;
  readonly lastGood: LastGood;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A candidate came into force. */
  readonly inForce: (candidate: Candidate) => void;
  /** Takes everything off this node. */
  readonly retire: () => Promise<void>;
  /** There is nothing to go on with. */
  readonly failed: (error: AgentError) => void;
}

/** Judges what the operator sends, brings it on its way, and answers. */
export class Intake {
  readonly #deps: IntakeDeps;
  #fence: Fence;
  #nackedByFault = '';
  readonly #retirement: Retirement;

  constructor(deps: IntakeDeps, fence: Fence) {
    const { clock, logger, stream, retire } = deps;
    this.#deps = deps;
    this.#fence = fence;
    this.#retirement = new Retirement({ clock, logger, stream, retire });
  }

  /** Whether this node is, or is just being, given up. */
  get isRetiring(): boolean {
    return this.#retirement.isOrdered;
  }

  /** Epochs below the fence's are refused from now on. */
  follow(fence: Fence): void {
    this.#fence = fence;
  }

  /** Nothing is tried again any more. */
  stop(): void {
    this.#retirement.stop();
  }

  receive({ version, epoch, digest, config, secrets }: Snapshot): void {
    const reason = this.#fence.check({ version, epoch }) ?? this.#wrongNode(config);
    if (reason !== undefined || config === undefined) return this.#refuse(version, reason);
    if (config.retire) return this.#retirement.order(version);
    if (this.isRetiring) {
      const message = 'Quiver was taken off this node and is wanted again; the agent has to be started anew';
      return this.#deps.failed(new AgentError('RetirementRevoked', message));
    }
    const candidate = { version, epoch, digest, config, secrets: new Secrets(secrets), origin: 'Operator' } as const;
    this.#deps.configuration.offer(candidate);
  }

  async settled(candidate: Candidate, verdict: Verdict): Promise<void> {
    const { version, origin } = candidate;
    if (verdict.kind === 'accepted') return this.#accepted(candidate);
    const [first] = verdict.reasons;
    const { code, message: reason } = first ?? {};
    this.#deps.logger.warn('configuration refused', { version: String(version), origin, code, reason });
    if (origin === 'Operator') this.#deps.stream.reject(version, verdict.reasons);
    if (verdict.kind === 'fault') this.#faulted(candidate, verdict.fault);
  }

  #wrongNode(config: NodeConfig | undefined): Rejected | undefined {
    const { fabric, router, node } = this.#deps.identity;
    if (config?.fabric === fabric && config.router === router && config.node === node) return undefined;
    const message = `this is node ${node} of router ${router} in fabric ${fabric}`;
    return { code: 'WrongNode', field: 'node', message };
  }

  #refuse(version: bigint, reason: Rejected | undefined): void {
    const { configuration, logger, stream } = this.#deps;
    const reasons = reason === undefined ? [] : [reason];
    configuration.noteRefused(version, reasons);
    logger.warn('configuration refused', { version: String(version), reason: reason?.message });
    stream.reject(version, reasons);
  }

  async #accepted(candidate: Candidate): Promise<void> {
    const { logger, lastGood, clock, inForce } = this.#deps;
    const { version, origin } = candidate;
    inForce(candidate);
    logger.info('configuration in force', { version: String(version), origin });
    if (origin === 'LastGood') return;
    this.#acknowledge(candidate);
    await lastGood
      .save(candidate, clock.now())
      .catch((caught: unknown) => logger.error('the configuration is not kept', { reason: messageOf(caught) }));
  }

  #faulted(candidate: Candidate, fault: unknown): void {
    this.#nackedByFault = candidate.digest;
    if (this.#deps.configuration.inForce !== undefined) return;
    this.#deps.failed(new AgentError('EngineUnusable', messageOf(fault), { cause: fault }));
  }

  // A version is answered once: after a fault that went away, the operator learns it by the digest of a new stream.
  #acknowledge({ version, digest }: Candidate): void {
    if (this.#nackedByFault === digest) this.#deps.stream.reconnect();
    else this.#deps.stream.acknowledge(version);
    this.#nackedByFault = '';
  }
}
