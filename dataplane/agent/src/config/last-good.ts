import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NodeConfig } from '@quiver/dataplane-api';
import { z } from 'zod';
import { AgentError, messageOf } from '../errors.ts';
import { readIfThere, writeWhole } from '../files/whole-file.ts';
import type { Logger } from '../logger.ts';
import type { Candidate } from './candidate.ts';
import { Secrets } from './secrets.ts';

const digits = z.string().regex(/^\d{1,20}$/);
const configFile = z.object({
  version: digits,
  epoch: digits,
  digest: z.string(),
  savedAt: z.string(),
  config: z.unknown(),
});
const secretsFile = z.record(z.string(), z.base64());

/** Who the node is: a file of another one is not used. */
export interface NodeIdentity {
  readonly fabric: string;
  readonly router: string;
  readonly node: string;
}

/** The configuration that was in force last, on disk, so that forwarding can start without an operator. */
export class LastGood {
  readonly #config: string;
  readonly #secrets: string;
  readonly #logger: Logger;

  constructor(folder: string, logger: Logger) {
    this.#config = join(folder, 'last-good.json');
    this.#secrets = join(folder, 'last-good-secrets.json');
    this.#logger = logger;
  }

  /** Makes the folder. Rejects with an `AgentError` when it cannot be written. */
  async prepare(): Promise<void> {
    const folder = dirname(this.#config);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (caught) {
      throw unusable(folder, caught);
    }
  }

  /** Each file is whole at every moment; secrets come first, since the configuration refers to them. */
  async save({ version, epoch, digest, config, secrets }: Candidate, now: number): Promise<void> {
    const materials = secrets.reveal().map(({ secretId, value }) => [secretId, Buffer.from(value).toString('base64')]);
    const kept = {
      version: String(version),
      epoch: String(epoch),
      digest,
      savedAt: new Date(now).toISOString(),
      config: NodeConfig.toJSON(config),
    };
    try {
      await writeWhole(this.#secrets, JSON.stringify(Object.fromEntries(materials)));
      await writeWhole(this.#config, `${JSON.stringify(kept, undefined, 2)}\n`);
    } catch (caught) {
      throw unusable(dirname(this.#config), caught);
    }
  }

  /** Nothing is kept any more. */
  async remove(): Promise<void> {
    await Promise.all([this.#config, this.#secrets].map((path) => rm(path, { force: true })));
  }

  /** What was saved for this node; undefined when there is nothing usable. */
  async load(identity: NodeIdentity): Promise<Candidate | undefined> {
    const [text, secretText] = await Promise.all([readIfThere(this.#config), readIfThere(this.#secrets)]);
    if (text === undefined || secretText === undefined) return undefined;
    try {
      return this.#checked(readCandidate(text, secretText), identity);
    } catch (caught) {
      this.#logger.warn('the last good configuration cannot be read', {
        file: this.#config,
        reason: messageOf(caught),
      });
      return undefined;
    }
  }

  #checked(candidate: Candidate, identity: NodeIdentity): Candidate | undefined {
    const { config, secrets } = candidate;
    const isOurs =
      config.fabric === identity.fabric && config.router === identity.router && config.node === identity.node;
    if (isOurs && secrets.isCompleteFor(config)) return candidate;
    const reason = isOurs ? 'its secrets are missing or others' : 'it belongs to another node';
    this.#logger.warn('the last good configuration is not used', { file: this.#config, reason });
    return undefined;
  }
}

function readCandidate(text: string, secretText: string): Candidate {
  const { version, epoch, digest, config } = configFile.parse(JSON.parse(text));
  const materials = Object.entries(secretsFile.parse(JSON.parse(secretText)));
  return {
    version: BigInt(version),
    epoch: BigInt(epoch),
    digest,
    config: NodeConfig.fromJSON(config),
    secrets: new Secrets(materials.map(([secretId, value]) => ({ secretId, value: Buffer.from(value, 'base64') }))),
    origin: 'LastGood',
  };
}

function unusable(folder: string, caught: unknown): AgentError {
  const message = `the state directory ${folder} cannot be written: ${messageOf(caught)}; choose another with --state-dir`;
  return new AgentError('StateUnusable', message, { cause: caught });
}
