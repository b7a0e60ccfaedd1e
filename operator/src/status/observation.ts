import type { PathReport, Report } from '@quiver/dataplane-api';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';

/** What nodes and the translation tell about one object, beside its conditions. */
export interface Observation {
  readonly address?: string;
  readonly addresses?: readonly string[];
  readonly sessions?: number;
  readonly routes?: number;
  readonly members?: number;
  readonly targets?: readonly TargetObservation[];
  readonly paths?: readonly PathObservation[];
}

export interface TargetObservation {
  readonly address: string;
  readonly port?: number;
  readonly healthy: boolean;
  readonly sessions: number;
}

export interface PathObservation {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly mtu: number;
  readonly sessions: number;
}

/** Sums up what the nodes reported about one object. */
export function observe(ref: ObjectRef, ir: FabricIr, reports: readonly Report[]): Observation {
  switch (ref.kind) {
    case 'Tenant':
      return { members: ir.tenants.find(({ name }) => name === ref.name)?.members.length ?? 0 };
    case 'Service':
      return observeService(qualifiedName(ref), ir, reports);
    case 'ServiceRoute':
      return { targets: observeTargets(qualifiedName(ref), ir, reports) };
    case 'Peer':
      return { paths: observePaths(ir.peers.find(({ name }) => name === ref.name)?.router, reports) };
    case 'RouterConfig':
    case 'File':
      return {};
  }
}

function observeService(name: string, ir: FabricIr, reports: readonly Report[]): Observation {
  const service = ir.services.find((one) => one.name === name);
  const addresses = (service?.addresses ?? []).map((prefix) => prefix.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, ''));
  const sessions = sum(
    reports.flatMap(({ services }) => services.filter((one) => one.service === name).map((one) => one.sessions)),
  );
  const [address] = addresses;
  return { ...(address === undefined ? {} : { address }), addresses, sessions, routes: service?.routes.length ?? 0 };
}

function observeTargets(route: string, ir: FabricIr, reports: readonly Report[]): readonly TargetObservation[] {
  const owned = ir.services.flatMap(({ routes }) => routes.filter(({ name }) => name === route));
  return owned.flatMap(({ targets }) =>
    targets.map(({ address, port }) => {
      const seen = reports.flatMap((report) =>
        report.targets.filter((one) => one.route === route && one.address === address && one.port === port),
      );
      const shown = port === 0 ? { address } : { address, port };
      return {
        ...shown,
        healthy: seen.every(({ healthy }) => healthy),
        sessions: sum(seen.map(({ sessions }) => sessions)),
      };
    }),
  );
}

function observePaths(router: string | undefined, reports: readonly Report[]): readonly PathObservation[] {
  const paths = reports.flatMap((report) => report.paths.filter((path) => path.router === router));
  return sortedBy(paths, ({ localAddress, remoteAddress }) => `${localAddress} ${remoteAddress}`).map(observePath);
}

function observePath({ localAddress, remoteAddress, state, mtu, sessions }: PathReport): PathObservation {
  return { local: localAddress, remote: remoteAddress, state, mtu, sessions: Number(sessions) };
}

function sum(counts: readonly bigint[]): number {
  return Number(counts.reduce((total, count) => total + count, 0n));
}
