import type { PodNetwork } from '@quiver/dataplane-api';
import { AgentError, messageOf } from '../errors.ts';
import type { AddressPool } from '../ipam/address-pool.ts';
import type { Logger } from '../logger.ts';
import { type Binding, isSamePod } from '../pods/binding.ts';
import type { Pods } from '../pods/pods.ts';
import { type CniAnswer, CniFailure, cniErrors } from './answer.ts';
import type { CniRequest } from './request.ts';

export interface CniPluginDeps {
  readonly mode: 'Chained' | 'Primary';
  readonly pods: Pods;
  readonly pool: AddressPool;
  readonly logger: Logger;
  /** Whether the operator is not reached, and not just now. */
  readonly isOperatorAway: () => boolean;
  /** Why the node does not forward as it should; empty when it does. */
  readonly notReady: () => string;
  /** Why this node does not forward packets of pods with such addresses; empty when it does. */
  readonly whyNotForwarding: (cidrs: readonly string[]) => Promise<string>;
  /** The configuration in force, where there is one. */
  readonly config: () => CniConfig | undefined;
}

/** What the plugin needs of a configuration. */
export interface CniConfig {
  readonly podNetwork?: PodNetwork | undefined;
  readonly pods: readonly { readonly uid: string; readonly addresses: readonly string[] }[];
}

/** How long a pod waits for the operator's word. Less than runtimes give a plugin. */
const patienceMilliseconds = 5_000;

type Decision = 'Known' | 'WithoutOperator' | 'NotInConfiguration' | 'NotInEngine';

/** What the CNI plugin does, but for the pod's own network namespace. */
export class CniPlugin {
  readonly #deps: CniPluginDeps;
  readonly #requests = new Map<string, number>();
  #unconfirmed = 0;

  constructor(deps: CniPluginDeps) {
    this.#deps = deps;
  }

  /** How often each command ended how: `ADD ok`, `ADD error`, … */
  get requests(): ReadonlyMap<string, number> {
    return this.#requests;
  }

  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Addresses that nobody uses; undefined where another plugin gives them. */
  get freeAddresses(): number | undefined {
    const network = this.#deps.config()?.podNetwork;
    if (this.#deps.mode === 'Chained' || network === undefined) return undefined;
    return this.#deps.pool.free(network.ownCidrs, this.#used());
  }

  /** Never rejects: what cannot be done is an error in the answer. */
  async handle(request: CniRequest): Promise<CniAnswer> {
    try {
      const answer = await this.#do(request);
      this.#count(`${request.command} ok`);
      return answer;
    } catch (caught) {
      this.#count(`${request.command} error`);
      const { code, details } = failureOf(caught);
      const msg = `quiver: ${messageOf(caught)}`;
      this.#deps.logger.warn('a request of the container runtime failed', {
        command: request.command,
        code,
        reason: messageOf(caught),
        pod: `${request.pod.namespace}/${request.pod.name}`,
      });
      return { error: { code, msg, details } };
    }
  }

  async #do(request: CniRequest): Promise<CniAnswer> {
    switch (request.command) {
      case 'ADD':
        return this.#add(request);
      case 'DEL':
        await this.#deps.pods.end(request.attachment);
        return {};
      case 'CHECK':
        return this.#check(request);
      case 'STATUS':
        return this.#status(request);
      case 'GC':
        if (request.valid !== undefined) await this.#deps.pods.keepOnly(request.valid);
        return {};
    }
  }

  async #add(request: CniRequest): Promise<CniAnswer> {
    const { pods, mode } = this.#deps;
    if (request.mode !== mode) throw wrongMode(request.mode, mode);
    if (mode === 'Chained') {
      await this.#bind(request, request.addresses);
      return {};
    }
    const { ownCidrs, mtu } = this.#network(cniErrors.tryAgainLater);
    const former = pods.find(request.attachment)?.addresses;
    const addresses = former ?? this.#deps.pool.take(ownCidrs, this.#used());
    await Promise.all([this.#deps.pool.save(), this.#bind(request, addresses)]).catch(async (caught: unknown) => {
      await pods.end(request.attachment);
      throw caught;
    });
    return { addresses, mtu };
  }

  async #bind({ attachment, pod }: CniRequest, addresses: readonly string[]): Promise<void> {
    const { pods, logger, isOperatorAway } = this.#deps;
    await pods.bind(attachment, pod, addresses);
    // Not a pod, or of a runtime that does not say which: no tenant can be meant.
    if (pod.uid === '' && pod.name === '') return;
    const decision = await pods.waitFor<Decision>(patienceMilliseconds, (isLast) => {
      const progress = pods.progress(pod, addresses);
      if (progress === 'Known') return progress;
      if (isOperatorAway() && progress === 'NotInConfiguration') return 'WithoutOperator';
      return isLast ? progress : undefined;
    });
    if (decision === 'Known') return;
    if (decision !== 'WithoutOperator') throw late(decision, patienceMilliseconds / 1_000);
    this.#unconfirmed += 1;
    logger.warn('a pod starts without the operator’s word: nothing is allowed to it until it is known', {
      pod: `${pod.namespace}/${pod.name}`,
    });
  }

  #check({ attachment, pod, addresses }: CniRequest): CniAnswer {
    const { pods } = this.#deps;
    const bound = pods.find(attachment);
    if (bound === undefined) {
      const message = `interface ${attachment.interface} of container ${attachment.containerId} is not known`;
      throw new CniFailure(cniErrors.unknownContainer, message);
    }
    const missing = addresses.filter((address) => !bound.addresses.includes(address));
    if (missing.length > 0) {
      throw new CniFailure(cniErrors.tryAgainLater, `addresses ${missing.join(', ')} are not those it was added with`);
    }
    if (pods.progress(pod, bound.addresses) === 'NotInEngine') throw late('NotInEngine', 0);
    return { addresses: bound.addresses };
  }

  // A failing plugin in a chain would make the whole node not ready, so only a node's own network may say it.
  async #status({ mode }: CniRequest): Promise<CniAnswer> {
    if (mode === 'Chained') return {};
    if (mode !== this.#deps.mode) throw wrongMode(mode, this.#deps.mode);
    const reason = this.#deps.notReady();
    if (reason !== '') {
      const code = this.#deps.config() === undefined ? cniErrors.notAvailable : cniErrors.notAvailableAndLimited;
      throw new CniFailure(code, reason);
    }
    const obstacle = await this.#deps.whyNotForwarding(this.#network(cniErrors.notAvailable).ownCidrs);
    if (obstacle !== '') throw new CniFailure(cniErrors.notAvailable, obstacle);
    return {};
  }

  #network(code: number): PodNetwork {
    const config = this.#deps.config();
    const network = config?.podNetwork;
    if (network !== undefined && network.ownCidrs.length > 0) return network;
    const message =
      config === undefined
        ? `this node has no configuration yet: ${this.#deps.notReady()}`
        : 'this node has no pod CIDR; let the controller manager allocate them (--allocate-node-cidrs, --cluster-cidr)';
    throw new CniFailure(code, message);
  }

  #used(): readonly string[] {
    const { pods, config } = this.#deps;
    const ownBindings = pods.bindings.filter(({ isEnded }) => !isEnded);
    const isBound = (pod: { readonly uid: string }) => pods.bindings.some((one) => isSame(one, pod.uid));
    // A pod that the runtime never told of is known to the API server only.
    const others = (config()?.pods ?? []).filter((pod) => !isBound(pod));
    return [...ownBindings, ...others].flatMap(({ addresses }) => addresses);
  }

  #count(key: string): void {
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }
}

function isSame(binding: Binding, uid: string): boolean {
  return isSamePod(binding, { uid, namespace: '', name: '' });
}

function failureOf(caught: unknown): { readonly code: number; readonly details: string } {
  if (caught instanceof CniFailure) return caught;
  return { code: cniErrors.tryAgainLater, details: caught instanceof AgentError ? caught.code : '' };
}

function late(decision: 'NotInConfiguration' | 'NotInEngine', seconds: number): CniFailure {
  const message =
    decision === 'NotInConfiguration'
      ? `the operator has not named this pod within ${seconds} s; it is tried again`
      : 'the engine has not taken the addresses of this pod; it is tried again';
  return new CniFailure(cniErrors.tryAgainLater, message, 'see quiver status on this node');
}

function wrongMode(asked: string, own: string): CniFailure {
  const message = `the plugin is configured as ${asked}, the agent runs as ${own}; the agent writes the configuration anew when it is ready`;
  return new CniFailure(cniErrors.tryAgainLater, message);
}
