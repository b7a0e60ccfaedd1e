import { Peer, Service, Tenant } from '@quiver/dataplane-api';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr, NodeIr, TenantIr } from '../ir/fabric-ir.ts';
import { partDigest } from './part-digest.ts';
import { projectPeer, reachOf } from './peer.ts';
import { projectServices, type ServiceViews } from './service.ts';

/** A list that several nodes have alike, and what stands for it in their digests. */
export interface SharedPart<T> {
  readonly list: T[];
  readonly digest: string;
}

interface Services {
  readonly views: ServiceViews;
  readonly digest: string;
}

// Made once for a representation, which never changes.
const tenantParts = new WeakMap<FabricIr, SharedPart<Tenant>>();
const serviceParts = new WeakMap<FabricIr, Services>();
const peerParts = new WeakMap<FabricIr, Map<string, SharedPart<Peer>>>();
const tenantViews = new WeakMap<TenantIr, Tenant>();

/** The tenants, which are the same on every node. */
export function tenantsOf(ir: FabricIr): SharedPart<Tenant> {
  const known = tenantParts.get(ir) ?? partOf(ir.tenants.map(projectTenant), (one) => Tenant.encode(one).finish());
  tenantParts.set(ir, known);
  return known;
}

/** The services as one node sees them. */
export function servicesOn(ir: FabricIr, node: string): SharedPart<Service> {
  const known = serviceParts.get(ir) ?? makeServices(ir);
  serviceParts.set(ir, known);
  const { elsewhere, onNode } = known.views;
  const list = [...elsewhere];
  const marks = [known.digest];
  for (const [place, view] of onNode.get(node) ?? []) {
    list[place] = view;
    marks.push(`${place} ${serviceDigest(view)}`);
  }
  return { list, digest: digestOf(marks.join(' ')) };
}

/** The peers with the paths that can begin at a node: nodes with the same reach have them alike. */
export function peersFrom(ir: FabricIr, node: NodeIr): SharedPart<Peer> {
  const reach = reachOf(node);
  const isBound = ir.peers.some(({ waypoints }) => waypoints.some(({ localAddress }) => localAddress !== ''));
  const key = [...[4, 6].filter((family) => reach.families.has(family)), ...(isBound ? reach.addresses : [])].join(' ');
  const known = peerParts.get(ir) ?? new Map<string, SharedPart<Peer>>();
  peerParts.set(ir, known);
  const part = known.get(key) ?? peerPart(ir, reach);
  known.set(key, part);
  return part;
}

function peerPart(ir: FabricIr, reach: ReturnType<typeof reachOf>): SharedPart<Peer> {
  return partOf(
    ir.peers.map((peer) => projectPeer(peer, reach)),
    (one) => Peer.encode(one).finish(),
  );
}

function makeServices({ services }: FabricIr): Services {
  const views = projectServices(services);
  return { views, digest: digestOf(views.elsewhere.map(serviceDigest).join(' ')) };
}

function serviceDigest(service: Service): string {
  return partDigest(service, (part) => Service.encode(part).finish());
}

function partOf<T extends object>(list: T[], encode: (item: T) => Uint8Array): SharedPart<T> {
  return { list, digest: digestOf(list.map((item) => partDigest(item, encode)).join(' ')) };
}

function projectTenant(tenant: TenantIr): Tenant {
  const { name, members } = tenant;
  const known = tenantViews.get(tenant) ?? { name, members: members.map((member) => ({ ...member })) };
  tenantViews.set(tenant, known);
  return known;
}
