import { NodeConfig, type Peer } from '@quiver/dataplane-api';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr, NodeIr, PeerIr, PeerWaypointIr } from '../ir/fabric-ir.ts';
import { parseAddress } from '../ir/prefix.ts';
import * as enums from './enums.ts';
import { projectPodNetwork, projectPods } from './pods.ts';
import { projectService } from './service.ts';

/** What one node gets. */
export interface ProjectedNode {
  readonly node: string;
  readonly config: NodeConfig;
  /** Canonical protobuf bytes of the configuration. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hex. */
  readonly digest: string;
}

/** The configuration of one node; undefined when the router has no node of that name. Pure and canonical. */
export function project(ir: FabricIr, nodeName: string): ProjectedNode | undefined {
  const node = ir.nodes.find(({ name }) => name === nodeName);
  if (node === undefined) return undefined;
  const config = nodeConfig(ir, node);
  const bytes = NodeConfig.encode(config).finish();
  return { node: nodeName, config, bytes, digest: digestOf(bytes) };
}

/** The configuration of every node, in order of their names. */
export function projectAll(ir: FabricIr): readonly ProjectedNode[] {
  return ir.nodes.flatMap(({ name }) => project(ir, name) ?? []);
}

function nodeConfig(ir: FabricIr, node: NodeIr): NodeConfig {
  return {
    fabric: ir.fabric,
    router: ir.router,
    node: node.name,
    waypoints: node.waypoints.map(({ name, address }) => ({ name, address })),
    waypointPorts: { first: ir.waypointPorts.first, last: ir.waypointPorts.last },
    servicePool: [...ir.servicePool],
    returnPool: [...ir.returnPool],
    keySource: {
      sharedSecret: { versions: ir.keySource.versions.map((one) => ({ ...one })), active: ir.keySource.active },
    },
    metadata: enums.metadataProtection[ir.metadata],
    cipher: enums.cipher[ir.cipher],
    limits: { maxSessions: ir.maxSessions },
    rejection: enums.rejection[ir.rejection],
    tenants: ir.tenants.map(({ name, members }) => ({ name, members: members.map((member) => ({ ...member })) })),
    services: ir.services.map((service) => projectService(service, node.name)),
    peers: ir.peers.map((peer) => projectPeer(peer, node)),
    serviceMatch: enums.serviceMatch[ir.serviceMatch],
    pods: projectPods(ir, node.name),
    podNetwork: projectPodNetwork(ir.podNetwork, node.name),
    retire: false,
  };
}

function projectPeer(peer: PeerIr, node: NodeIr): Peer {
  return {
    router: peer.router,
    waypoints: peer.waypoints.filter((remote) => isReachable(remote, node)).map((remote) => ({ ...remote })),
    transport: enums.transport[peer.transport],
    alwaysEncrypt: peer.alwaysEncrypt,
  };
}

// A node takes part only in peer paths that can begin at one of its own waypoints.
function isReachable(remote: PeerWaypointIr, node: NodeIr): boolean {
  if (remote.localAddress !== '') return node.waypoints.some(({ address }) => address === remote.localAddress);
  const family = parseAddress(remote.address)?.family;
  return node.waypoints.some(({ address }) => parseAddress(address)?.family === family);
}
