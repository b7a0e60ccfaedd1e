import type { LocalPod, NodeConfig, Tenant, TenantMember } from '@quiver/dataplane-api';
import { canonicalAddress, hostPrefix } from '../addresses/address.ts';
import { type Binding, isSamePod } from './binding.ts';

/** The configuration with the addresses of this node's pods among the members of their tenants. */
export function withPods(config: NodeConfig, bindings: readonly Binding[]): NodeConfig {
  if (config.pods.length === 0) return config;
  const owners = new Map<string, string>();
  for (const [address, tenant] of tenantsByAddress(config.pods, bindings)) {
    if (tenant !== '') owners.set(hostPrefix(address), tenant);
  }
  const missing = new Set(owners.values());
  for (const { name } of config.tenants) missing.delete(name);
  const all = [...config.tenants, ...[...missing].map((name): Tenant => ({ name, members: [] }))];
  const tenants = all.map((tenant) => withMembers(tenant, owners));
  return { ...config, tenants: tenants.sort((one, other) => compare(one.name, other.name)) };
}

/** The addresses by which a pod is known: those of its interfaces, else those that the API server knows. */
export function addressesOf(pod: LocalPod, bindings: readonly Binding[]): readonly string[] {
  const own = bindings.filter((binding) => isSamePod(binding, pod));
  if (own.length > 0) return newest(own).flatMap(({ addresses }) => addresses);
  return pod.addresses.map(canonicalAddress).filter((address) => address !== undefined);
}

interface Claim {
  readonly tenant: string;
  /** Of the interface; -1 when only the API server says so. */
  readonly order: number;
}

// The newest interface has an address. Where two pods have it only by the API server's word, nobody knows whose it is.
function tenantsByAddress(pods: readonly LocalPod[], bindings: readonly Binding[]): ReadonlyMap<string, string> {
  const claims = new Map<string, Claim>();
  for (const pod of pods) {
    const order = newest(bindings.filter((binding) => isSamePod(binding, pod)))[0]?.order ?? -1;
    for (const address of addressesOf(pod, bindings)) {
      claims.set(address, stronger(claims.get(address), { tenant: pod.tenant, order }));
    }
  }
  return new Map([...claims].map(([address, { tenant }]) => [address, tenant]));
}

function stronger(one: Claim | undefined, other: Claim): Claim {
  if (one === undefined || other.order > one.order) return other;
  if (one.order > other.order || one.tenant === other.tenant) return one;
  return { tenant: '', order: one.order };
}

// A pod whose sandbox was made anew has interfaces of both; of each name the newest counts, unless it is gone.
function newest(own: readonly Binding[]): readonly Binding[] {
  const byInterface = new Map<string, Binding>();
  for (const binding of own.toSorted((one, other) => one.order - other.order)) {
    if (!binding.isEnded) byInterface.set(binding.interface, binding);
  }
  return [...byInterface.values()].sort((one, other) => other.order - one.order);
}

// A pod's own address is its tenant's, also where another tenant has it by a member written for no interface.
function withMembers(tenant: Tenant, owners: ReadonlyMap<string, string>): Tenant {
  const isOthers = ({ cidr, interface: name }: TenantMember) =>
    name === '' && (owners.get(cidr) ?? tenant.name) !== tenant.name;
  const kept = tenant.members.filter((member) => !isOthers(member));
  const known = new Set(kept.filter(({ interface: name }) => name === '').map(({ cidr }) => cidr));
  const own = [...owners].filter(([cidr, name]) => name === tenant.name && !known.has(cidr)).map(([cidr]) => cidr);
  if (own.length === 0 && kept.length === tenant.members.length) return tenant;
  return { ...tenant, members: [...kept, ...own.sort(compare).map((cidr) => ({ cidr, interface: '' }))] };
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
