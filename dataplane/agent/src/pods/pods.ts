import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeConfig } from '@quiver/dataplane-api';
import { z } from 'zod';
import { hostPrefix } from '../addresses/address.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { DurableFile } from '../files/durable-file.ts';
import type { Logger } from '../logger.ts';
import { type Attachment, type Binding, bindingSchema, isSamePod, type PodName } from './binding.ts';
import { withPods } from './members.ts';

export interface PodsDeps {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Other addresses belong to pods: the configuration in force has to be adapted anew. */
  readonly changed: () => void;
}

/** How far the engine is with a pod. */
export type Progress = 'Known' | 'NotInEngine' | 'NotInConfiguration';

/** How long a pod has to be missing until what is known of its interfaces is forgotten. */
const absenceMilliseconds = 300_000;

const fileSchema = z.object({ bindings: z.array(bindingSchema) });

/** Which addresses the pods of this node have, as the container runtime told; kept on the disk. */
export class Pods {
  readonly #deps: PodsDeps;
  readonly #path: string;
  readonly #file: DurableFile;
  readonly #waiting = new Set<() => void>();
  /** Since when, in milliseconds since the Unix epoch, a pod is in no configuration. */
  readonly #absent = new Map<string, number>();
  #bindings: readonly Binding[] = [];
  #order = 0;
  #inEngine: NodeConfig | undefined;

  constructor(deps: PodsDeps) {
    this.#deps = deps;
    this.#path = join(deps.folder, 'pods.json');
    this.#file = new DurableFile(this.#path, () => JSON.stringify({ bindings: this.#bindings }, undefined, 1));
  }

  get bindings(): readonly Binding[] {
    return this.#bindings;
  }

  /** Takes what a former process knew. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    try {
      this.#bindings = fileSchema.parse(JSON.parse(text)).bindings;
      this.#order = Math.max(0, ...this.#bindings.map(({ order }) => order));
    } catch (caught) {
      const fields = { file: this.#path, reason: messageOf(caught) };
      this.#deps.logger.warn('what is known of pods cannot be read; their addresses come from the API server', fields);
    }
  }

  /** The configuration with these addresses. */
  adapt(config: NodeConfig): NodeConfig {
    return withPods(config, this.#bindings);
  }

  /** The engine has this configuration, adapted. */
  applied(config: NodeConfig): void {
    this.#inEngine = config;
    this.wake();
  }

  /** An interface has addresses. Resolves when that outlives this process; rejects when the disk refuses it. */
  async bind(attachment: Attachment, pod: PodName, addresses: readonly string[]): Promise<void> {
    this.#order += 1;
    const { containerId, interface: name } = attachment;
    const { uid, namespace, name: podName } = pod;
    const others = this.#bindings.filter((one) => !isOf(attachment, one));
    const made = {
      containerId,
      interface: name,
      uid,
      namespace,
      name: podName,
      addresses,
      order: this.#order,
      isEnded: false,
    };
    this.#bindings = [...others, made];
    this.#deps.changed();
    await this.#file.save();
  }

  /** An interface is gone; the sessions of its addresses end. One that is not known is no error. */
  async end(attachment: Attachment): Promise<void> {
    await this.#endAll((one) => isOf(attachment, one));
  }

  /** All interfaces but these are gone. */
  async keepOnly(attachments: readonly Attachment[]): Promise<void> {
    await this.#endAll((one) => !attachments.some((attachment) => isOf(attachment, one)));
  }

  find(attachment: Attachment): Binding | undefined {
    return this.#bindings.find((one) => isOf(attachment, one) && !one.isEnded);
  }

  /** Whether the configuration names the pod, and the engine counts these addresses as its tenant's. */
  progress(pod: PodName, addresses: readonly string[]): Progress {
    const found = this.#inEngine?.pods.find((one) => isSamePod(one, pod));
    if (found === undefined) return 'NotInConfiguration';
    if (found.tenant === '') return 'Known';
    const members = this.#inEngine?.tenants.find(({ name }) => name === found.tenant)?.members ?? [];
    const known = new Set(members.map(({ cidr }) => cidr));
    return addresses.every((address) => known.has(hostPrefix(address))) ? 'Known' : 'NotInEngine';
  }

  /** Resolves with the first answer that is not undefined; it is asked for after each change, and last when the time is over. */
  async waitFor<T>(milliseconds: number, ask: (isLast: boolean) => T | undefined): Promise<T> {
    const decided = Promise.withResolvers<T>();
    const look = (isLast: boolean) => {
      const answer = ask(isLast);
      if (answer !== undefined) decided.resolve(answer);
    };
    const onChange = () => look(false);
    const patience = this.#deps.clock.after(milliseconds, () => look(true));
    this.#waiting.add(onChange);
    look(false);
    try {
      return await decided.promise;
    } finally {
      patience.cancel();
      this.#waiting.delete(onChange);
    }
  }

  /** Something that others wait for may have come. */
  wake(): void {
    for (const look of this.#waiting) look();
  }

  /** Forgets interfaces of pods that the operator has not named for a while. Its configuration must be of now. */
  prune(config: NodeConfig): void {
    const now = this.#deps.clock.now();
    const missing = this.#bindings.filter((one) => isOfPod(one) && !config.pods.some((pod) => isSamePod(one, pod)));
    const names = new Set(missing.map(nameOf));
    for (const name of this.#absent.keys()) if (!names.has(name)) this.#absent.delete(name);
    for (const name of names) if (!this.#absent.has(name)) this.#absent.set(name, now);
    const isForgotten = (one: Binding) => now - (this.#absent.get(nameOf(one)) ?? now) >= absenceMilliseconds;
    const kept = this.#bindings.filter((one) => !isForgotten(one));
    if (kept.length === this.#bindings.length) return;
    this.#deps.logger.info('interfaces of pods that are gone are forgotten', {
      number: this.#bindings.length - kept.length,
    });
    this.#bindings = kept;
    this.#deps.changed();
    void this.#file.save().catch((caught: unknown) => this.#notKept(caught));
  }

  /** Waits for the disk. */
  async close(): Promise<void> {
    await this.#file.idle();
  }

  /** Nothing is known any more, here and on the disk. */
  async remove(): Promise<void> {
    this.#bindings = [];
    await this.#file.idle();
    await rm(this.#path, { force: true });
  }

  // Without a pod's uid nobody brings the address back later: such an interface is forgotten at once.
  async #endAll(isGone: (binding: Binding) => boolean): Promise<void> {
    const ended = this.#bindings.map((one) => (isGone(one) ? { ...one, isEnded: true } : one));
    if (ended.every((one, index) => one.isEnded === this.#bindings[index]?.isEnded)) return;
    this.#bindings = ended.filter(({ isEnded, uid }) => !isEnded || uid !== '');
    this.#deps.changed();
    await this.#file.save().catch((caught: unknown) => this.#notKept(caught));
  }

  #notKept(caught: unknown): void {
    this.#deps.logger.error('what is known of pods is not kept', { file: this.#path, reason: messageOf(caught) });
  }
}

function isOf({ containerId, interface: name }: Attachment, binding: Binding): boolean {
  return binding.containerId === containerId && binding.interface === name;
}

// A container that is no pod is known to its runtime only.
function isOfPod({ uid, name }: Binding): boolean {
  return uid !== '' || name !== '';
}

function nameOf({ uid, namespace, name }: Binding): string {
  return `${uid} ${namespace}/${name}`;
}
