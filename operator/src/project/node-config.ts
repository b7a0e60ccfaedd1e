import { LocalPod, NodeConfig, PodNetwork } from '@quiver/dataplane-api';
import { digestOf } from '../ir/canonical.ts';
import type { FabricIr, NodeIr } from '../ir/fabric-ir.ts';
import * as enums from './enums.ts';
import { partDigest } from './part-digest.ts';
import { projectPodNetwork, projectPods } from './pods.ts';
import { peersFrom, servicesOn, tenantsOf } from './shared-parts.ts';

/** What one node gets. */
export interface ProjectedNode {
  readonly node: string;
  readonly config: NodeConfig;
  /** Canonical protobuf bytes of the configuration. */
  readonly bytes: Uint8Array;
  /** SHA-256 over digests of the parts, hex: the same for the same representation, another for another configuration. */
  readonly digest: string;
}

/** The configuration of one node; undefined when the router has no node of that name. Pure and canonical. */
export function project(ir: FabricIr, nodeName: string): ProjectedNode | undefined {
  const node = ir.nodes.find(({ name }) => name === nodeName);
  return node === undefined ? undefined : projectNode(ir, node);
}

/** The configuration of every node, in order of their names. */
export function projectAll(ir: FabricIr): readonly ProjectedNode[] {
  return ir.nodes.map((node) => projectNode(ir, node));
}

function projectNode(ir: FabricIr, node: NodeIr): ProjectedNode {
  const settings = settingsOf(ir, node);
  const tenants = tenantsOf(ir);
  const services = servicesOn(ir, node.name);
  const peers = peersFrom(ir, node);
  const pods = projectPods(ir, node.name);
  const podNetwork = projectPodNetwork(ir.podNetwork, node.name);
  const network = podNetwork === undefined ? '' : partDigest(podNetwork, (part) => PodNetwork.encode(part).finish());
  const podDigests = pods.map((pod) => partDigest(pod, (part) => LocalPod.encode(part).finish()));
  const own = NodeConfig.encode({ ...emptyConfig, ...settings }).finish();
  const parts = [digestOf(own), tenants.digest, services.digest, peers.digest, network, ...podDigests];
  const config = { ...settings, tenants: tenants.list, services: services.list, peers: peers.list, pods, podNetwork };
  return new Projection(config, digestOf(parts.join(' ')));
}

// Most of a configuration is the same on every node and in the next version, so the digest is made of digests of the parts, and
// the bytes only where somebody wants them.
class Projection implements ProjectedNode {
  readonly node: string;
  readonly config: NodeConfig;
  readonly digest: string;
  #bytes: Uint8Array | undefined;

  constructor(config: NodeConfig, digest: string) {
    this.node = config.node;
    this.config = config;
    this.digest = digest;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= NodeConfig.encode(this.config).finish();
    return this.#bytes;
  }
}

type Settings = Omit<NodeConfig, 'tenants' | 'services' | 'peers' | 'pods' | 'podNetwork'>;

const emptyConfig = { tenants: [], services: [], peers: [], pods: [], podNetwork: undefined };

function settingsOf(ir: FabricIr, node: NodeIr): Settings {
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
    serviceMatch: enums.serviceMatch[ir.serviceMatch],
    retire: false,
  };
}
