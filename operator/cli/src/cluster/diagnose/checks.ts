import {
  agents,
  configuration,
  connection,
  coverage,
  definitions,
  leader,
  objects,
  operator,
  versions,
} from './checks/control-plane.ts';
import { inbound, peerObjects, peerPaths, pools } from './checks/fabric.ts';
import { clocks, cni, forwarding, kernel, localPorts, mtu, rpFilter, secrets } from './checks/nodes.ts';
import type { Check } from './finding.ts';

/** Every check, causes before what follows from them. */
export const checks: readonly Check[] = [
  definitions,
  operator,
  leader,
  agents,
  coverage,
  connection,
  configuration,
  versions,
  objects,
  clocks,
  secrets,
  peerObjects,
  peerPaths,
  inbound,
  mtu,
  pools,
  localPorts,
  forwarding,
  rpFilter,
  kernel,
  cni,
];
