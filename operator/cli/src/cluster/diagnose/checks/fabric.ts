import type { PathReport } from '@quiver/dataplane-api';
import { overlaps, parsePrefix } from '@quiver/operator';
import { answered } from '../../ask.ts';
import type { Peer } from '../../quiver-objects.ts';
import type { Evidence } from '../evidence.ts';
import { type Check, type Finding, failed, ok, orOk, unknown, warning } from '../finding.ts';

export const peerPaths: Check = {
  name: 'peer-paths',
  about: 'Waypoints of peers answer: ports are open from here to there and back.',
  isAboutNodes: true,
  run(evidence) {
    const findings = pathsOf(evidence).flatMap(({ node, path }): readonly Finding[] => {
      const way = `${path.localAddress} (${node}) to ${path.remoteAddress} (${path.router}/${path.node})`;
      if (path.state === 'Up') return [];
      if (path.state === 'Suspect') return [failed(`${way} does not answer`, opening(evidence, path))];
      return [unknown(`${way} was not used yet`, 'dial a service behind it; then ask again')];
    });
    if (evidence.peers.length === 0) return [ok('there is no peer')];
    return orOk(findings, `${pathsOf(evidence).length} paths up`);
  },
};

function opening(evidence: Evidence, { localAddress, remoteAddress }: PathReport): string {
  return `let TCP and UDP pass between ${localAddress} and ${remoteAddress} with both ports in ${portsOf(evidence)}, both ways; then see "secrets" and "clocks"`;
}

function portsOf({ facts }: Evidence): string {
  const ports = answered(facts)[0]?.value.config?.waypointPorts;
  return ports === undefined ? '16384-29999' : `${ports.first}-${ports.last}`;
}

export const inbound: Check = {
  name: 'inbound',
  about: 'Peers can open sessions to here, as their paths or live sessions show.',
  run(evidence, others) {
    const findings = evidence.peers.flatMap((peer) => inboundFrom(peer, evidence, others));
    return evidence.peers.length === 0 ? [ok('there is no peer')] : findings;
  },
};

function inboundFrom({ spec }: Peer, own: Evidence, others: readonly Evidence[]): readonly Finding[] {
  const { router, connectivity } = spec;
  if (connectivity === 'OutboundOnly') return [ok(`${router} opens none to here, as its Peer says`)];
  if (own.inboundFrom.has(router)) return [ok(`sessions of ${router} are here`)];
  const other = others.find((one) => one.router === router);
  const paths = other === undefined ? [] : pathsOf(other).filter(({ path }) => path.router === own.router);
  if (paths.some(({ path }) => path.state === 'Up')) return [ok(`${router} reaches this cluster`)];
  const found = `whether ${router} reaches this cluster cannot be told: no session of it is here`;
  return [unknown(found, `dial a service of this cluster from there, or give its cluster as a further --context`)];
}

export const peerObjects: Check = {
  name: 'peer-objects',
  about: 'The Peer of each cluster asked names exactly the nodes that it has.',
  run(own, others) {
    if (others.length === 0)
      return [unknown('nothing to compare with', 'give the other cluster as a further --context')];
    return others.flatMap((other) => comparePeer(own, other));
  },
};

function comparePeer(own: Evidence, other: Evidence): readonly Finding[] {
  const [here, there] = [own.overview.context, other.overview.context];
  const way = `kubectl quiver connect --context ${here} --context ${there}`;
  const peer = own.peers.find(({ spec }) => spec.router === other.router);
  if (other.router === undefined)
    return [unknown(`no agent of ${there} answers`, `kubectl quiver status --context ${there}`)];
  if (other.router === own.router)
    return [
      failed(`both clusters call themselves router ${own.router}`, 'give each a name of its own: router in the values'),
    ];
  if (peer === undefined) return [warning(`no Peer here names router ${other.router}`, way)];
  const actual = answered(other.facts).flatMap(({ agent, value }) =>
    (value.config?.waypoints ?? []).map((address) => ({ node: agent.node, address })),
  );
  const said = (peer.spec.waypoints ?? []).map(({ name, node = name, address }) => ({ node, address }));
  const title = `Peer ${peer.metadata.name}`;
  const absent = actual.filter((one) => !said.some((two) => two.address === one.address));
  const gone = said.filter(({ node }) => !actual.some((one) => one.node === node));
  const findings = [
    ...absent.map((waypoint) => absentFinding(title, waypoint, said, way)),
    ...gone.map(({ node, address }) => warning(`${title} has ${node} ${address}, which is no node of ${there}`, way)),
  ];
  return orOk(findings, `${title} has the ${actual.length} waypoints of ${there}`);
}

interface NodeAddress {
  readonly node: string;
  readonly address: string;
}

function absentFinding(
  title: string,
  { node, address }: NodeAddress,
  said: readonly NodeAddress[],
  way: string,
): Finding {
  const other = said.find((one) => one.node === node);
  if (other === undefined) return failed(`${title} lacks node ${node} ${address}`, way);
  const found = `${title} has ${other.address} for node ${node}, whose own waypoint is ${address}`;
  return warning(found, `right where a NAT leads one to the other; else: ${way}`);
}

export const pools: Check = {
  name: 'pools',
  about: 'Service pool and return pool meet no prefix or address of the cluster, which would be led astray.',
  isAboutNodes: true,
  run(evidence) {
    const { facts, nodes, takenAddresses } = evidence;
    const config = answered(facts)[0]?.value.config;
    if (config === undefined) return [unknown('no node has a configuration', 'see the check "configuration"')];
    if (nodes === undefined || takenAddresses === undefined)
      return [unknown('nodes, pods or core Services may not be listed', 'allow "list" on nodes, pods and services')];
    const taken = [
      ...nodes.flatMap(({ name, podCidrs }) => podCidrs.map((text) => ({ text, owner: `the pods of ${name}` }))),
      ...nodes.flatMap(({ name, addresses }) => addresses.map((text) => ({ text, owner: `node ${name}` }))),
      ...takenAddresses.map(({ address, owner }) => ({ text: address, owner })),
    ];
    const findings = [...config.servicePool, ...config.returnPool].flatMap((pool): readonly Finding[] => {
      const [first, ...more] = taken.filter(({ text }) => meets(pool, text));
      if (first === undefined) return [];
      const rest = more.length === 0 ? '' : `, and ${more.length} more`;
      const way = 'choose another servicePool or returnPool in the values of the chart';
      return [failed(`${pool} holds ${first.text} of ${first.owner}${rest}`, way)];
    });
    return orOk(findings, `${[...config.servicePool, ...config.returnPool].join(', ')} are free`);
  },
};

function meets(one: string, other: string): boolean {
  const [first, second] = [parsePrefix(one), parsePrefix(other)];
  return first !== undefined && second !== undefined && overlaps(first, second);
}

function pathsOf({ statuses }: Evidence): readonly { readonly node: string; readonly path: PathReport }[] {
  return statuses.flatMap(({ node, value }) => (value.counters?.paths ?? []).map((path) => ({ node, path })));
}
