import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../clock.ts';
import type { NodeIdentity } from '../config/last-good.ts';
import { Backoff } from '../config-stream/backoff.ts';
import type { TlsFiles } from '../config-stream/channel.ts';
import { AgentError, messageOf } from '../errors.ts';
import { readIfThere, writeWhole } from '../files/whole-file.ts';
import type { Logger } from '../logger.ts';
import { type Validity, validityOf } from './certificate.ts';
import { type EnrolmentSettings, enrol } from './enrolment.ts';

export interface IdentityDeps {
  readonly node: NodeIdentity;
  /** Folder of the key and the certificate. */
  readonly folder: string;
  readonly settings: EnrolmentSettings;
  readonly clock: Clock;
  /** Numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** A new certificate is there, while the former is in use. */
  readonly renewed: () => void;
}

/** How often it is looked whether the authority is another one. */
const checkMilliseconds = 30_000;

/** The node's certificate: from the disk when it is good, else from the operator; renewed when two thirds of its life are over. */
export class Identity {
  readonly #deps: IdentityDeps;
  readonly #name: string;
  readonly #files: { readonly certificate: string; readonly key: string; readonly authority: string };
  readonly #backoff: Backoff;
  #enrolling: Promise<void> | undefined;
  #periodic: Timer | undefined;
  #retry: Timer | undefined;
  #isChecking = false;
  /** The certificate was given to this process, and with it to the pod that it runs in. */
  #isOwn = false;
  #isStopped = false;

  constructor(deps: IdentityDeps) {
    const { fabric, router, node } = deps.node;
    const at = (name: string) => join(deps.folder, name);
    this.#deps = deps;
    this.#name = `spiffe://${fabric}/router/${router}/node/${node}`;
    this.#files = { certificate: at('agent.crt'), key: at('agent.key'), authority: at('authority.crt') };
    this.#backoff = new Backoff(deps.random);
  }

  /** Looks after the certificate from now on. */
  start(): void {
    this.#periodic = this.#deps.clock.every(checkMilliseconds, () => void this.#check());
  }

  stop(): void {
    this.#isStopped = true;
    this.#periodic?.cancel();
    this.#retry?.cancel();
  }

  /** Files that can be used now, if need be after asking for a certificate. Rejects with an `AgentError` when there is none. */
  async files(): Promise<TlsFiles> {
    const validity = await this.#validity();
    if (validity === undefined || validity.endsAt <= this.#deps.clock.now()) await this.#enrol();
    else if (!this.#isOwn) await this.#enrolIfPossible();
    const { authority, serverName } = this.#deps.settings;
    const isMounted = ((await readIfThere(authority)) ?? '').trim() !== '';
    return { ...this.#files, authority: isMounted ? authority : this.#files.authority, serverName };
  }

  /** Key and certificate are removed. */
  async remove(): Promise<void> {
    this.stop();
    await rm(this.#deps.folder, { recursive: true, force: true });
  }

  async #validity(): Promise<Validity | undefined> {
    const paths = [this.#files.certificate, this.#files.key, this.#deps.settings.authority, this.#files.authority];
    const [certificate = '', key = '', mounted = '', enrolled = ''] = await Promise.all(paths.map(readIfThere));
    const authority = mounted.trim() === '' ? enrolled : mounted;
    return validityOf({ certificate, key }, this.#name, authority);
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    await this.#renewIfDue().finally(() => {
      this.#isChecking = false;
    });
  }

  async #renewIfDue(): Promise<void> {
    const validity = await this.#validity();
    if (this.#isStopped || (validity !== undefined && validity.renewAt > this.#deps.clock.now())) return;
    try {
      await this.#enrol();
      this.#backoff.reset();
      this.#deps.renewed();
    } catch (caught) {
      this.#deps.logger.warn('the certificate is not renewed yet', { reason: messageOf(caught) });
      if (this.#isStopped) return;
      this.#retry?.cancel();
      this.#retry = this.#deps.clock.after(this.#backoff.next(), () => void this.#check());
    }
  }

  // One from the disk may have been given to a pod that is gone, and is no good then; without an operator it is all there is.
  async #enrolIfPossible(): Promise<void> {
    try {
      await this.#enrol();
    } catch (caught) {
      this.#deps.logger.warn('the certificate of before is used', { reason: messageOf(caught) });
    }
  }

  // Whoever needs it while it is asked for waits for the same answer.
  #enrol(): Promise<void> {
    this.#enrolling ??= this.#ask().finally(() => {
      this.#enrolling = undefined;
    });
    return this.#enrolling;
  }

  async #ask(): Promise<void> {
    const { node, settings, clock, folder, logger } = this.#deps;
    // Loaded when it is needed: a node whose certificates are given never does.
    const { requestCertificate } = await import('./certificate-request.ts');
    const { key, request } = await requestCertificate();
    const { fabric, router } = node;
    const asked = { fabric, router, node: node.node, certificateRequest: request };
    const { certificate, authority } = await enrol(settings, asked, clock);
    if (validityOf({ certificate, key }, this.#name, authority) === undefined) {
      const message = `the operator at ${settings.address} gave a certificate that is not of ${this.#name} and this key`;
      throw new AgentError('EnrolmentRefused', message);
    }
    if (this.#isStopped) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeWhole(this.#files.key, key);
    await writeWhole(this.#files.certificate, certificate);
    await writeWhole(this.#files.authority, authority);
    this.#isOwn = true;
    logger.info('the operator gave this node a certificate', { name: this.#name });
  }
}
