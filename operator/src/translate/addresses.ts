import { createHash } from 'node:crypto';
import type { SvrService as Service } from '../api/generated/service.gen.ts';
import type { RouterConfig } from '../api/router-config.ts';
import { byText, sortedBy } from '../ir/canonical.ts';
import { contains, formatPrefix, hostPrefix, overlaps, type Prefix, parsePrefix, sizeOf } from '../ir/prefix.ts';
import { fullName, problemsOf } from './input.ts';
import type { Outcome, Problem } from './problem.ts';

/** Addresses that no service can have, with the name under which a message speaks of them. */
export interface Reserved {
  readonly prefix: Prefix;
  readonly what: string;
}

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
export function reservedAddresses(router: RouterConfig, peerWaypoints: readonly string[]): readonly Reserved[] {
  const remote = peerWaypoints.flatMap((address) => reserve(address, `the peer's waypoint ${address}`));
  const pools = router.returnPool.flatMap((text) => reserve(text, 'the return pool'));
  return [...remote, ...pools, ...neverServices];
}

/** The router's own waypoints: no service can have one, while a server on the node itself may. */
export function ownAddresses(router: RouterConfig): readonly Reserved[] {
  return router.nodes.flatMap(({ name, waypoints }) =>
    waypoints.flatMap(({ address }) => reserve(address, `waypoint ${address} of node ${name}`)),
  );
}

function reserve(text: string, what: string): readonly Reserved[] {
  const prefix = parsePrefix(text);
  return prefix === undefined ? [] : [{ prefix, what }];
}

/** The addresses of each service, by its full name: those it fixes, or one of each family from the pool. */
export function assignAddresses(
  services: readonly Service[],
  router: RouterConfig,
  reserved: readonly Reserved[],
): Outcome<ReadonlyMap<string, readonly Prefix[]>> {
  const fixed = services.filter(isFixed).map((service) => ({ service, ...readFixed(service, reserved) }));
  const taken = fixed.flatMap(({ value }) => value);
  const automatic = allocate(bySeniority(services.filter((service) => !isFixed(service))), router, taken);
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

function readFixed(service: Service, reserved: readonly Reserved[]): Outcome<readonly Prefix[]> {
  const problem = problemsOf(service);
  const problems: Problem[] = [];
  const value: Prefix[] = [];
  (service.spec.addresses ?? []).forEach((text, index) => {
    const field = `spec.addresses[${index}]`;
    const prefix = parsePrefix(text);
    const conflict = prefix === undefined ? undefined : reserved.find((one) => overlaps(one.prefix, prefix));
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

function allocate(
  services: readonly Service[],
  router: RouterConfig,
  taken: readonly Prefix[],
): Outcome<readonly (readonly [string, readonly Prefix[]])[]> {
  const pools = router.servicePool.flatMap((text) => parsePrefix(text) ?? []);
  const spaces = pools.map((pool) => new AddressSpace(pool, taken));
  const problems: Problem[] = [];
  const value = services.map((service): readonly [string, readonly Prefix[]] => {
    const addresses = spaces.map((space) => space.take(fullName(service)));
    if (addresses.includes(undefined)) problems.push(exhausted(service, router));
    return [
      fullName(service),
      sortedBy(
        addresses.filter((one) => one !== undefined),
        formatPrefix,
      ),
    ];
  });
  return { value, problems };
}

function exhausted(service: Service, router: RouterConfig): Problem {
  const message = `no free address is left in ${router.servicePool.join(', ')}; widen servicePool of the router or fix an address`;
  return problemsOf(service)('PoolExhausted', 'spec.address', message);
}

// A name always asks for the same places in the same order, so that it keeps its address as long as nobody senior wants it.
class AddressSpace {
  readonly #pool: Prefix;
  readonly #used = new Set<bigint>();
  readonly #blocks: readonly Prefix[];

  constructor(pool: Prefix, taken: readonly Prefix[]) {
    this.#pool = pool;
    this.#blocks = taken.filter((prefix) => overlaps(pool, prefix));
  }

  take(name: string): Prefix | undefined {
    // The first and the last address of a subnet are often read as network and broadcast.
    const usable = sizeOf(this.#pool) - 2n;
    if (usable <= 0n) return undefined;
    const start = hashOf(name) % usable;
    const tries = usable < maxTries ? usable : maxTries;
    for (let step = 0n; step < tries; step += 1n) {
      const value = this.#pool.base + 1n + ((start + step) % usable);
      if (this.#isFree(value)) {
        this.#used.add(value);
        return hostPrefix({ family: this.#pool.family, value });
      }
    }
    return undefined;
  }

  #isFree(value: bigint): boolean {
    const host = hostPrefix({ family: this.#pool.family, value });
    return !this.#used.has(value) && !this.#blocks.some((block) => contains(block, host));
  }
}

// A full IPv4 /16; beyond that a pool is full in practice.
const maxTries = 65_536n;

function hashOf(name: string): bigint {
  return createHash('sha256').update(name).digest().readBigUInt64BE(0);
}
