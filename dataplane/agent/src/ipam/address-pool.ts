import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalAddress, holds, type Prefix, parsePrefix } from '../addresses/address.ts';
import { AgentError, messageOf } from '../errors.ts';
import { DurableFile } from '../files/durable-file.ts';
import { readIfThere } from '../files/whole-file.ts';
import type { Logger } from '../logger.ts';
import { allocate, usableRange } from './allocate.ts';

const fileSchema = z.object({ next: z.record(z.string(), z.string().regex(/^\d{1,39}$/)) });

/** Gives out the addresses of a node's pods. Who has which is known elsewhere; here it is known where the search goes on. */
export class AddressPool {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #file: DurableFile;
  #next = new Map<string, bigint>();

  constructor(folder: string, logger: Logger) {
    this.#path = join(folder, 'address-pool.json');
    this.#logger = logger;
    const content = () => ({ next: Object.fromEntries([...this.#next].map(([cidr, next]) => [cidr, String(next)])) });
    this.#file = new DurableFile(this.#path, () => JSON.stringify(content()));
  }

  /** Takes what a former process knew. */
  async load(): Promise<void> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return;
    try {
      const { next } = fileSchema.parse(JSON.parse(text));
      this.#next = new Map(Object.entries(next).map(([cidr, place]) => [cidr, BigInt(place)]));
    } catch (caught) {
      this.#logger.warn('the state of the address pool cannot be read; it begins anew', { reason: messageOf(caught) });
    }
  }

  /**
   * One free address of each prefix. They are not taken until somebody says so in `used` of the next call, which must
   * come in the same turn. Throws a `NoFreeAddress` error.
   */
  take(cidrs: readonly string[], used: Iterable<string>): readonly string[] {
    const taken = new Set([...used].map((address) => canonicalAddress(address) ?? address));
    const allocated = cidrs.map((cidr) => {
      const prefix = parsedPrefix(cidr);
      const found = allocate(prefix, taken, this.#next.get(cidr) ?? 0n);
      if (found === undefined) throw noFreeAddress(cidr, prefix);
      return { cidr, ...found };
    });
    for (const { cidr, next } of allocated) this.#next.set(cidr, next);
    return allocated.map(({ address }) => address);
  }

  /** How many addresses of these prefixes nobody uses. */
  free(cidrs: readonly string[], used: Iterable<string>): number {
    const taken = new Set(used);
    const prefixes = cidrs.map(parsePrefix).filter((prefix) => prefix !== undefined);
    const counts = prefixes.map((prefix) => {
      const { first, last } = usableRange(prefix);
      return Number(last - first + 1n) - [...taken].filter((address) => holds(prefix, address)).length;
    });
    return counts.length === 0 ? 0 : Math.min(...counts);
  }

  /** Resolves when the place where the search goes on outlives this process. */
  async save(): Promise<void> {
    await this.#file.save();
  }

  async close(): Promise<void> {
    await this.#file.idle();
  }

  async remove(): Promise<void> {
    await this.#file.idle();
    await rm(this.#path, { force: true });
  }
}

function parsedPrefix(cidr: string): Prefix {
  const prefix = parsePrefix(cidr);
  if (prefix !== undefined) return prefix;
  throw new AgentError('NoFreeAddress', `podNetwork.ownCidrs: ${cidr} is no prefix; correct the pod CIDR of this node`);
}

function noFreeAddress(cidr: string, prefix: Prefix): AgentError {
  const { first, last } = usableRange(prefix);
  const message = `all ${last - first + 1n} addresses of ${cidr} are in use on this node; give nodes a larger pod CIDR or run fewer pods`;
  return new AgentError('NoFreeAddress', message);
}
