import { answered } from '../../ask.ts';
import type { NodeFacts } from '../../node-facts.ts';
import type { Evidence } from '../evidence.ts';
import { type Check, type Finding, failed, ok, orOk, unknown, warning } from '../finding.ts';

interface Known {
  readonly node: string;
  readonly facts: NodeFacts;
}

/** Metadata is accepted when both clocks agree so well. */
const clockLimitMs = 5_000;
const clockWarningMs = 1_000;

/** The least that every IPv6 link carries; less leaves no room for metadata. */
const leastMtu = 1_280;

/** From here on UDP superpackets reach the engine whole. */
const kernelForSuperpackets = [6, 2] as const;

export const clocks: Check = {
  name: 'clocks',
  about: 'Clocks of nodes, operator and peers agree: metadata older or newer than 5 s is refused.',
  isAboutNodes: true,
  run(evidence) {
    const { operatorAheadMs, statuses } = evidence;
    const own = known(evidence).flatMap(({ node, facts }): readonly Finding[] =>
      operatorAheadMs === undefined ? [] : offset(node, facts.aheadMs - operatorAheadMs, 'the operator'),
    );
    const peers = statuses.flatMap(({ node, value }) =>
      (value.counters?.paths ?? []).flatMap((path) =>
        offset(`${path.router}/${path.node}`, Number(path.clockOffsetMs), node),
      ),
    );
    if (operatorAheadMs === undefined && peers.length === 0)
      return [unknown("the operator's clock cannot be read", 'allow "create" on pods/exec in its namespace')];
    return orOk([...own, ...peers], 'nodes, operator and peers agree within 1 s');
  },
};

function offset(who: string, milliseconds: number, against: string): readonly Finding[] {
  const seconds = (milliseconds / 1000).toFixed(1);
  const found = `${who} is ${seconds} s off ${against}`;
  const way = 'run NTP (chrony, systemd-timesyncd) on both machines';
  if (Math.abs(milliseconds) > clockLimitMs) return [failed(found, way)];
  return Math.abs(milliseconds) > clockWarningMs ? [warning(found, way)] : [];
}

export const mtu: Check = {
  name: 'mtu',
  about: 'The interfaces that carry sessions have room for metadata, and the same on every node.',
  isAboutNodes: true,
  run(evidence) {
    const uplinks = known(evidence).flatMap(({ node, facts }) => uplinksOf(facts).map((link) => ({ node, ...link })));
    const small = uplinks
      .filter((link) => link.mtu < leastMtu)
      .map(({ node, name, mtu: size }) =>
        failed(`${name} of ${node} has an MTU of ${size}`, `set it to ${leastMtu} at least`),
      );
    const sizes = [...new Set(uplinks.map((link) => link.mtu))];
    const list = uplinks.map(({ node, name, mtu: size }) => `${node} ${name} ${size}`).join(', ');
    const different =
      sizes.length > 1
        ? [warning(`they differ: ${list}`, 'set one MTU, or give the smaller one as mtu of the waypoint in the Peer')]
        : [];
    if (uplinks.length === 0)
      return [unknown('no interface with a waypoint is known', 'see the check "configuration"')];
    return orOk([...small, ...different], `${sizes.join(', ')} on ${uplinks.length} uplinks`);
  },
};

function uplinksOf({ interfaces, config }: NodeFacts) {
  return interfaces.filter(({ addresses }) => addresses.some((address) => config?.waypoints.includes(address)));
}

export const localPorts: Check = {
  name: 'local-ports',
  about: "The kernel takes no client ports out of the waypoints' range; a node would talk to a peer's node with them.",
  isAboutNodes: true,
  run(evidence) {
    const findings = known(evidence).flatMap(({ node, facts }): readonly Finding[] => {
      const { localPorts: local, config } = facts;
      if (config === undefined || local.last < config.waypointPorts.first || local.first > config.waypointPorts.last)
        return [];
      const { first, last } = config.waypointPorts;
      return [
        warning(
          `${node} uses ${local.first}-${local.last} for its own connections, which meets ${first}-${last}`,
          `set net.ipv4.ip_local_port_range above ${last}, or choose other waypointPorts in the values of the chart`,
        ),
      ];
    });
    return orOk(findings, 'the ranges do not meet');
  },
};

export const forwarding: Check = {
  name: 'forwarding',
  about: 'Nodes forward packets between interfaces, as Kubernetes needs anyway.',
  isAboutNodes: true,
  run(evidence) {
    const findings = known(evidence)
      .filter(({ facts }) => !facts.ipForward.ipv4)
      .map(({ node }) => failed(`${node} does not forward IPv4`, 'set net.ipv4.ip_forward=1 on it'));
    return orOk(findings, 'IPv4 is forwarded on every node');
  },
};

export const rpFilter: Check = {
  name: 'rp-filter',
  about: 'Nothing to set: no value of rp_filter stops a packet of Quiver. Told because others ask for it.',
  isAboutNodes: true,
  run(evidence) {
    const values = known(evidence).map(({ node, facts }) => `${node} ${facts.rpFilter}`);
    return [ok(values.length === 0 ? 'any value works' : `any value works; set: ${values.join(', ')}`)];
  },
};

export const kernel: Check = {
  name: 'kernel',
  about: 'Every kernel has what forwarding needs: TUN, and UDP superpackets for speed.',
  isAboutNodes: true,
  run(evidence) {
    const findings = known(evidence).flatMap(({ node, facts }): readonly Finding[] => [
      ...(facts.hasTun
        ? []
        : [
            failed(
              `${node} has no /dev/net/tun in the agent's container`,
              'modprobe tun on the node; runc 1.2.0 to 1.2.3 hide it: update runc',
            ),
          ]),
      ...(isOld(facts.kernel)
        ? [
            warning(
              `${node} runs ${facts.kernel}`,
              'it works; from 6.2 on UDP superpackets make UDP several times faster',
            ),
          ]
        : []),
    ]);
    const kernels = [...new Set(known(evidence).map(({ facts }) => facts.kernel))];
    return orOk(findings, `TUN is there; ${kernels.join(', ')}`);
  },
};

function isOld(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  const [first, second] = kernelForSuperpackets;
  return major < first || (major === first && minor < second);
}

export const cni: Check = {
  name: 'cni',
  about: "The container runtime calls quiver-cni, so that a pod's tenant is known before its first packet.",
  isAboutNodes: true,
  run(evidence) {
    const mode = evidence.routerConfig?.kubernetes?.mode;
    if (mode === 'Off') return [ok('it is off: tenants of pods follow the API server')];
    const findings = known(evidence).flatMap(({ node, facts }): readonly Finding[] => {
      if (facts.cni === undefined)
        return [unknown(`the configuration folder of ${node} cannot be seen`, 'mount it at /host/etc/cni/net.d')];
      if (facts.cni.plugins.includes('quiver-cni')) return [];
      const { file, plugins } = facts.cni;
      const found = `${node} uses ${file} (${plugins.join(', ') || 'no plugin'}), which has no quiver-cni`;
      return [failed(found, 'see the log of the agent: it writes a file that sorts before the other one')];
    });
    return orOk(findings, `${mode ?? 'Chained'} on every node`);
  },
};

export const secrets: Check = {
  name: 'secrets',
  about: 'Every node, and every cluster asked, has the same fabric secret under the same version.',
  isAboutNodes: true,
  run(evidence, others) {
    const all = [evidence, ...others].flatMap((one) =>
      known(one).flatMap(({ node, facts }) =>
        (facts.config?.secrets ?? []).map((secret) => ({ where: placeOf(one, node), ...secret })),
      ),
    );
    const byVersion = Map.groupBy(all, ({ version }) => version);
    const different = [...byVersion].flatMap(([version, held]): readonly Finding[] => {
      const prints = Map.groupBy(held, ({ print }) => print);
      if (prints.size < 2) return [];
      const sides = [...prints.values()].map((side) => side.map(({ where }) => where).join(', '));
      const way = 'give every router the same Secret quiver-fabric-secret; a version never changes its bytes';
      return [failed(`version ${version} is one secret on ${sides.join(' and another on ')}`, way)];
    });
    const findings = [...different, ...unaccepted(evidence, others)];
    if (all.length === 0) return [unknown('no node has a configuration', 'see the check "configuration"')];
    const versionsText = [...byVersion.keys()].toSorted((one, other) => one - other).join(', ');
    return orOk(findings, `version ${versionsText}, the same on ${known(evidence).length} nodes`);
  },
};

// What one router sends with, every other has to accept.
function unaccepted(own: Evidence, others: readonly Evidence[]): readonly Finding[] {
  const active = known(own)[0]?.facts.config?.activeSecret;
  return others.flatMap((other): readonly Finding[] => {
    const accepted = known(other)[0]?.facts.config?.secrets;
    if (active === undefined || accepted === undefined || accepted.some(({ version }) => version === active)) return [];
    const found = `${own.overview.context} sends with version ${active}, which ${other.overview.context} does not have`;
    return [failed(found, 'add the version to its Secret quiver-fabric-secret first, make it active afterwards')];
  });
}

function placeOf({ overview }: Evidence, node: string): string {
  return `${overview.context}/${node}`;
}

function known({ facts }: Evidence): readonly Known[] {
  return answered(facts).map(({ agent, value }) => ({ node: agent.node, facts: value }));
}
