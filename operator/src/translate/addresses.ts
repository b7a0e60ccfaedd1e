import { hash } from 'node:crypto';
import type { SvrService as Service } from '../api/generated/service.gen.ts';
import { byText, sortedBy } from '../ir/canonical.ts';
import {
  contains,
  formatPrefix,
  hostPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  sizeOf,
  widthOf,
} from '../ir/prefix.ts';
import { PrefixIndex } from '../ir/prefix-index.ts';
import { fullName, problemsOf } from './input.ts';
import type { Outcome, Problem } from './problem.ts';
import { type Reserved, ReservedAddresses, reserve } from './reserved.ts';
import type { Site } from './site.ts';

const neverServices: readonly Reserved[] = [
  ['0.0.0.0/8', 'the unspecified network'],
  ['127.0.0.0/8', 'the loopback range'],
  ['169.254.0.0/16', 'the link-local range'],
  ['224.0.0.0/4', 'the multicast range'],
  ['240.0.0.0/4', 'the reserved range'],
  ['::/127', 'the unspecified and loopback addresses'],
  ['fe80::/10', 'the link-local range'],
  ['ff00::/8', 'the multicast range'],
].flatMap(([text = '', what = '']) => reserve(text, what));

/** Addresses that neither a service nor a server behind one can have. */
export function reservedAddresses(site: Site, peerWaypoints: readonly string[]): readonly Reserved[] {
  const remote = peerWaypoints.flatMap((address) => reserve(address, `the peer's waypoint ${address}`));
  const pools = site.returnPool.flatMap((text) => reserve(text, 'the return pool'));
  return [...remote, ...pools, ...neverServices];
}

/** Addresses that no service can have, while a server may: the router's own waypoints, and what belongs to the cluster. */
export function ownAddresses({ nodes, cluster }: Site): readonly Reserved[] {
  const waypoints = nodes.flatMap(({ name, waypoints: own }) =>
    own.flatMap(({ address }) => reserve(address, `waypoint ${address} of node ${name}`)),
  );
  return [...waypoints, ...cluster];
}

/** Where addresses of services come from that fix none. */
export interface AddressSources {
  readonly servicePool: readonly string[];
  /** Those that services have already, by full name. */
  readonly held?: ReadonlyMap<string, readonly string[]> | undefined;
}

/** The addresses of each service, by its full name: those it fixes, or one of each family from the pool. */
export function assignAddresses(
  services: readonly Service[],
  { servicePool, held }: AddressSources,
  reserved: readonly Reserved[],
): Outcome<ReadonlyMap<string, readonly Prefix[]>> {
  const owners = new ReservedAddresses(reserved);
  const fixed = services.filter(isFixed).map((service) => ({ service, ...readFixed(service, owners) }));
  const taken = fixed.flatMap(({ value }) => value);
  const automatic = allocate(bySeniority(services.filter((service) => !isFixed(service))), {
    servicePool,
    held: held ?? new Map(),
    taken,
  });
  const entries = [
    ...fixed.map(({ service, value }): [string, readonly Prefix[]] => [fullName(service), value]),
    ...automatic.value,
  ];
  return { value: new Map(entries), problems: [...fixed.flatMap(({ problems }) => problems), ...automatic.problems] };
}

/** Older objects first, then by name: who came first keeps what two claim. */
export function bySeniority<T extends Service>(services: readonly T[]): T[] {
  const age = ({ metadata }: T) => metadata.creationTimestamp ?? '';
  return [...services].sort((one, other) => byText(age(one), age(other)) || byText(fullName(one), fullName(other)));
}

function isFixed({ spec }: Service): boolean {
  return (spec.addresses ?? []).length > 0;
}

function readFixed(service: Service, owners: ReservedAddresses): Outcome<readonly Prefix[]> {
  const problem = problemsOf(service);
  const problems: Problem[] = [];
  const value: Prefix[] = [];
  (service.spec.addresses ?? []).forEach((text, index) => {
    const field = `spec.addresses[${index}]`;
    const prefix = parsePrefix(text);
    const conflict = prefix === undefined ? undefined : owners.meeting(prefix);
    if (prefix === undefined) {
      problems.push(
        problem('InvalidObject', field, `"${text}" is no address or prefix; write one like 198.51.100.7/32`),
      );
    } else if (conflict !== undefined) {
      problems.push(problem('AddressReserved', field, `${text} meets ${conflict.what}; choose another address`));
    } else value.push(prefix);
  });
  return { value: sortedBy(value, formatPrefix), problems };
}

interface Allocation {
  readonly servicePool: readonly string[];
  readonly held: ReadonlyMap<string, readonly string[]>;
  /** Fixed by some service. */
  readonly taken: readonly Prefix[];
}

// Who holds an address keeps it, so that a senior newcomer never moves a service that clients know already.
function allocate(
  services: readonly Service[],
  { servicePool, held, taken }: Allocation,
): Outcome<readonly (readonly [string, readonly Prefix[]])[]> {
  const pools = servicePool.flatMap((text) => parsePrefix(text) ?? []);
  const spaces = pools.map((pool) => new AddressSpace(pool, taken));
  const names = services.map(fullName);
  for (const name of names) {
    const addresses = (held.get(name) ?? []).flatMap((text) => parsePrefix(text) ?? []);
    for (const space of spaces) space.hold(name, addresses);
  }
  const problems: Problem[] = [];
  const value = services.map((service, index): readonly [string, readonly Prefix[]] => {
    const name = names[index] ?? '';
    const addresses = spaces.flatMap((space) => space.take(name) ?? []);
    if (addresses.length < Math.max(spaces.length, 1)) problems.push(exhausted(service, servicePool));
    return [name, sortedBy(addresses, formatPrefix)];
  });
  return { value, problems };
}

function exhausted(service: Service, pool: readonly string[]): Problem {
  const where = pool.length === 0 ? 'servicePool, of which no prefix can be used' : pool.join(', ');
  const message = `no free address is left in ${where}; widen servicePool of the router or fix an address`;
  return problemsOf(service)('PoolExhausted', 'spec.address', message);
}

// A name always asks for the same places in the same order, so that it keeps its address as long as nobody senior wants it.
class AddressSpace {
  readonly #pool: Prefix;
  readonly #used = new Set<bigint>();
  readonly #held = new Map<string, bigint>();
  readonly #blocks = new PrefixIndex<true>();

  constructor(pool: Prefix, taken: readonly Prefix[]) {
    this.#pool = pool;
    for (const prefix of taken) if (overlaps(pool, prefix)) this.#blocks.add(prefix, true);
  }

  /** Keeps the first of the addresses that is a free one of the pool for the name. */
  hold(name: string, addresses: readonly Prefix[]): void {
    const { family, base } = this.#pool;
    const last = base + sizeOf(this.#pool) - 1n;
    const kept = addresses.find(
      (one) =>
        one.length === widthOf(family) &&
        contains(this.#pool, one) &&
        one.base !== base &&
        one.base !== last &&
        this.#isFree(one.base),
    );
    if (kept === undefined) return;
    this.#used.add(kept.base);
    this.#held.set(name, kept.base);
  }

  take(name: string): Prefix | undefined {
    const held = this.#held.get(name);
    if (held !== undefined) return this.#host(held);
    // The first and the last address of a subnet are often read as network and broadcast.
    const usable = sizeOf(this.#pool) - 2n;
    if (usable <= 0n) return undefined;
    const start = hashOf(name) % usable;
    const tries = usable < maxTries ? usable : maxTries;
    for (let step = 0n; step < tries; step += 1n) {
      const value = this.#pool.base + 1n + ((start + step) % usable);
      if (this.#isFree(value)) {
        this.#used.add(value);
        return this.#host(value);
      }
    }
    return undefined;
  }

  #isFree(value: bigint): boolean {
    return !this.#used.has(value) && this.#blocks.around(this.#host(value)).length === 0;
  }

  #host(value: bigint): Prefix {
    return hostPrefix({ family: this.#pool.family, value });
  }
}

// A full IPv4 /16; beyond that a pool is full in practice.
const maxTries = 65_536n;

function hashOf(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigUInt64BE(0);
}
