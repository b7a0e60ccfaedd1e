import type { AgentMessage, Hello, OperatorMessage, Refused, SecretMaterial } from '@quiver/dataplane-api';
import type { NodeReport } from '../conditions/node-report.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';
import type { Logger } from '../logger.ts';
import type { ProjectedNode } from '../project/node-config.ts';
import type { FabricSecret } from '../source/fabric-secret.ts';
import { spiffeIdOf } from './caller-identity.ts';
import { NodeSlot } from './node-slot.ts';

/** The sending half of one agent's stream. */
export interface AgentStream {
  /** False: the stream is full; `onDrain` is called once when it takes more. */
  send(message: OperatorMessage): boolean;
  onDrain(run: () => void): void;
  end(): void;
  /** URI of the caller's certificate; undefined on a local socket, where the file's permissions decide. */
  readonly certifiedUri: string | undefined;
  /** Common name of the caller's certificate, if it has one: the uid of its pod where the operator issued it. */
  readonly certifiedName: string | undefined;
  readonly isLocal: boolean;
}

/** What an agent's stream calls. */
export interface AgentSession {
  receive(message: AgentMessage): void;
  closed(): void;
}

export interface DistributorDeps {
  /** Of this operator's leadership; higher than that of any before. */
  readonly epoch: bigint;
  readonly logger: Logger;
  /** Why a node may not be served now, beyond what its certificate says; asked again by `recheck`. */
  readonly refusal?: (node: string, stream: AgentStream) => Refused | undefined;
}

/** Brings every node its newest configuration and remembers what it answered. */
export class Distributor {
  readonly #deps: DistributorDeps;
  readonly #slots = new Map<string, NodeSlot>();
  readonly #streams = new Map<string, Session>();
  readonly #listeners = new Set<() => void>();
  #fabric = '';
  #router = '';
  #secrets: readonly FabricSecret[] = [];

  constructor(deps: DistributorDeps) {
    this.#deps = deps;
  }

  /** Calls `listener` whenever a node connects, answers, reports or goes. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Offers each node its configuration; a node that is not named is served no longer. */
  publish(ir: FabricIr, nodes: readonly ProjectedNode[], secrets: readonly FabricSecret[]): void {
    this.#fabric = ir.fabric;
    this.#router = ir.router;
    this.#secrets = secrets;
    const names = new Set(nodes.map(({ node }) => node));
    for (const node of this.#slots.keys()) if (!names.has(node)) this.#drop(node);
    for (const projected of nodes) this.#offer(projected);
  }

  /** What is known of each node, in order of their names. */
  reports(): readonly NodeReport[] {
    return this.slots().map((slot) => slot.describe(this.#streams.has(slot.node)));
  }

  slots(): readonly NodeSlot[] {
    return [...this.#slots.values()].sort((one, other) => (one.node < other.node ? -1 : 1));
  }

  /** Serves one stream. */
  accept(stream: AgentStream): AgentSession {
    return new Session(stream, this.#deps, {
      admit: (hello, session) => this.#admit(hello, stream, session),
      secrets: () => this.#secrets,
      changed: () => this.#changed(),
      left: (node, session) => this.#left(node, session),
    });
  }

  /** Ends the streams of nodes that may not be served any more. */
  recheck(): void {
    for (const [node, session] of this.#streams) {
      const refusal = this.#deps.refusal?.(node, session.stream);
      if (refusal !== undefined) session.refuse(refusal);
    }
  }

  /** Ends every stream. */
  close(): void {
    for (const session of this.#streams.values()) session.end();
  }

  #offer(projected: ProjectedNode): void {
    const slot = this.#slots.get(projected.node);
    if (slot === undefined) this.#slots.set(projected.node, new NodeSlot(projected));
    else if (slot.offer(projected)) this.#streams.get(projected.node)?.push();
  }

  #drop(node: string): void {
    this.#slots.delete(node);
    this.#streams
      .get(node)
      ?.refuse({ code: 'UnknownNode', message: `router ${this.#router} has no node ${node} any more` });
  }

  #admit(hello: Hello, stream: AgentStream, session: Session): NodeSlot | Refused {
    const refusal = this.#refusalOf(hello, stream) ?? this.#deps.refusal?.(hello.node, stream);
    if (refusal !== undefined) return refusal;
    const slot = this.#slots.get(hello.node);
    if (slot === undefined) {
      const known = [...this.#slots.keys()].join(', ');
      return {
        code: 'UnknownNode',
        message: `router ${this.#router} has no node ${hello.node}; its nodes are ${known}`,
      };
    }
    const before = this.#streams.get(hello.node);
    this.#streams.set(hello.node, session);
    // A node that dials again has lost its former stream, whatever that one believes.
    before?.end();
    return slot;
  }

  #refusalOf(hello: Hello, stream: AgentStream): Refused | undefined {
    if (!stream.isLocal && stream.certifiedUri !== spiffeIdOf(hello)) {
      const shown = stream.certifiedUri ?? 'no single URI';
      return {
        code: 'IdentityMismatch',
        message: `the certificate names ${shown}, the node says ${spiffeIdOf(hello)}`,
      };
    }
    if (hello.fabric !== this.#fabric) return { code: 'WrongFabric', message: `this is fabric ${this.#fabric}` };
    if (hello.router !== this.#router) return { code: 'WrongRouter', message: `this is router ${this.#router}` };
    return undefined;
  }

  #left(node: string, session: Session): void {
    if (this.#streams.get(node) !== session) return;
    this.#streams.delete(node);
    this.#slots.get(node)?.disconnect();
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

interface SessionHost {
  admit(hello: Hello, session: Session): NodeSlot | Refused;
  secrets(): readonly FabricSecret[];
  changed(): void;
  left(node: string, session: Session): void;
}

class Session implements AgentSession {
  readonly stream: AgentStream;
  readonly #deps: DistributorDeps;
  readonly #host: SessionHost;
  #slot: NodeSlot | undefined;
  #sentVersion = 0n;
  #isFull = false;
  #isEnded = false;

  constructor(stream: AgentStream, deps: DistributorDeps, host: SessionHost) {
    this.stream = stream;
    this.#deps = deps;
    this.#host = host;
  }

  receive({ message }: AgentMessage): void {
    if (this.#isEnded || message === undefined) return;
    if (this.#slot === undefined || message.$case === 'hello') return this.#greet(message);
    switch (message.$case) {
      case 'ack':
        if (this.#slot.acknowledge(message.value.version)) this.#host.changed();
        return;
      case 'nack':
        this.#rejected(this.#slot, message.value.version, message.value.reasons);
        return;
      case 'report':
        this.#slot.observe(message.value);
        this.#host.changed();
        return;
    }
  }

  closed(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#slot === undefined) return;
    this.#deps.logger.info('node left', { node: this.#slot.node });
    this.#host.left(this.#slot.node, this);
  }

  /** Sends the newest configuration; while the stream is full, older ones are left out. */
  push(): void {
    if (this.#slot === undefined || this.#isFull || this.#isEnded) return;
    const { latest } = this.#slot;
    if (latest.version <= this.#sentVersion) return;
    this.#sentVersion = latest.version;
    this.#slot.sent(latest);
    const secrets = this.#host.secrets().map(materialOf);
    const { config, digest } = latest.projected;
    const value = { version: latest.version, epoch: this.#deps.epoch, digest, config, secrets };
    this.#isFull = !this.stream.send({ message: { $case: 'snapshot', value } });
    if (this.#isFull) this.stream.onDrain(() => this.#drained());
  }

  refuse(refused: Refused): void {
    if (this.#isEnded) return;
    this.#deps.logger.warn('agent refused', { code: refused.code, reason: refused.message });
    this.stream.send({ message: { $case: 'refused', value: refused } });
    this.end();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.stream.end();
    if (this.#slot !== undefined) this.#host.left(this.#slot.node, this);
  }

  #greet(message: NonNullable<AgentMessage['message']>): void {
    if (message.$case !== 'hello')
      return this.refuse({ code: 'HelloMissing', message: 'the first message must be a Hello' });
    if (this.#slot !== undefined) return this.refuse({ code: 'HelloTwice', message: 'a stream has one Hello' });
    const admitted = this.#host.admit(message.value, this);
    if (!(admitted instanceof NodeSlot)) return this.refuse(admitted);
    this.#slot = admitted;
    this.#deps.logger.info('node connected', { node: admitted.node, version: message.value.agentVersion });
    admitted.resume(message.value.digest);
    this.#host.changed();
    // Even what the node runs already is sent, for the epoch: from then on an older leader is refused.
    this.push();
  }

  #rejected(slot: NodeSlot, version: bigint, reasons: Parameters<NodeSlot['reject']>[1]): void {
    if (!slot.reject(version, reasons)) return;
    this.#deps.logger.warn('node refused its configuration', { node: slot.node, version: String(version) });
    this.#host.changed();
  }

  #drained(): void {
    this.#isFull = false;
    this.push();
  }
}

function materialOf(secret: FabricSecret): SecretMaterial {
  return { secretId: secret.secretId, value: Buffer.from(secret.reveal()) };
}
