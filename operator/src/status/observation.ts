import type { PathReport, Report } from '@quiver/dataplane-api';
import { type ObjectRef, qualifiedName } from '../api/resources.ts';
import { sortedBy } from '../ir/canonical.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';
import { indexIr, indexReports, targetKey } from './report-index.ts';

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
      return { members: indexIr(ir).members.get(ref.name) ?? 0 };
    case 'Service':
      return observeService(qualifiedName(ref), ir, reports);
    case 'ServiceRoute':
      return { targets: observeTargets(qualifiedName(ref), ir, reports) };
    case 'Peer':
      return { paths: observePaths(indexIr(ir).routers.get(ref.name), reports) };
    case 'RouterConfig':
    case 'File':
      return {};
  }
}

function observeService(name: string, ir: FabricIr, reports: readonly Report[]): Observation {
  const service = indexIr(ir).services.get(name);
  const addresses = (service?.addresses ?? []).map((prefix) => prefix.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, ''));
  const sessions = indexReports(reports).sessions.get(name) ?? 0;
  const [address] = addresses;
  return { ...(address === undefined ? {} : { address }), addresses, sessions, routes: service?.routes.length ?? 0 };
}

function observeTargets(route: string, ir: FabricIr, reports: readonly Report[]): readonly TargetObservation[] {
  const seen = indexReports(reports).targets;
  return (indexIr(ir).targets.get(route) ?? []).map(({ address, port, isDraining }) => {
    const counts = seen.get(targetKey(route, address, port));
    const shown = port === 0 ? { address } : { address, port };
    return { ...shown, healthy: !isDraining && counts?.isHealthy !== false, sessions: counts?.sessions ?? 0 };
  });
}

function observePaths(router: string | undefined, reports: readonly Report[]): readonly PathObservation[] {
  const paths = reports.flatMap((report) => report.paths.filter((path) => path.router === router));
  return sortedBy(paths, ({ localAddress, remoteAddress }) => `${localAddress} ${remoteAddress}`).map(observePath);
}

function observePath({ localAddress, remoteAddress, state, mtu, sessions }: PathReport): PathObservation {
  return { local: localAddress, remote: remoteAddress, state, mtu, sessions: Number(sessions) };
}
