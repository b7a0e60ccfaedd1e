import type { Report } from '@quiver/dataplane-api';
import type { FabricIr, RouteTargetIr, ServiceIr } from '../ir/fabric-ir.ts';

/** What the representation holds of each object, found by its name. */
export interface IrIndex {
  /** Members of each tenant: prefixes and pods. */
  readonly members: ReadonlyMap<string, number>;
  readonly services: ReadonlyMap<string, ServiceIr>;
  readonly targets: ReadonlyMap<string, readonly RouteTargetIr[]>;
  /** Routers by the names of their Peer objects. */
  readonly routers: ReadonlyMap<string, string>;
}

export interface TargetCounts {
  readonly isHealthy: boolean;
  readonly sessions: number;
}

/** What all nodes together reported. */
export interface ReportIndex {
  /** Sessions of each service. */
  readonly sessions: ReadonlyMap<string, number>;
  /** By `targetKey`. */
  readonly targets: ReadonlyMap<string, TargetCounts>;
}

export function targetKey(route: string, address: string, port: number): string {
  return `${route} ${address} ${port}`;
}

// Made once for what never changes: asking for every object stays linear.
const irIndexes = new WeakMap<FabricIr, IrIndex>();
const reportIndexes = new WeakMap<readonly Report[], ReportIndex>();

/** The index of a representation. */
export function indexIr(ir: FabricIr): IrIndex {
  const known = irIndexes.get(ir) ?? makeIrIndex(ir);
  irIndexes.set(ir, known);
  return known;
}

/** The index of a list of reports. */
export function indexReports(reports: readonly Report[]): ReportIndex {
  const known = reportIndexes.get(reports) ?? makeReportIndex(reports);
  reportIndexes.set(reports, known);
  return known;
}

function makeIrIndex(ir: FabricIr): IrIndex {
  const members = new Map(ir.tenants.map((tenant) => [tenant.name, tenant.members.length]));
  for (const { tenant } of ir.pods) members.set(tenant, (members.get(tenant) ?? 0) + 1);
  const routes = ir.services.flatMap((service) => service.routes);
  return {
    members,
    services: new Map(ir.services.map((service) => [service.name, service])),
    targets: new Map(routes.map(({ name, targets }) => [name, targets])),
    routers: new Map(ir.peers.map(({ name, router }) => [name, router])),
  };
}

function makeReportIndex(reports: readonly Report[]): ReportIndex {
  const sessions = new Map<string, number>();
  const targets = new Map<string, TargetCounts>();
  for (const report of reports) {
    for (const one of report.services)
      sessions.set(one.service, (sessions.get(one.service) ?? 0) + Number(one.sessions));
    for (const one of report.targets) {
      const key = targetKey(one.route, one.address, one.port);
      const before = targets.get(key) ?? { isHealthy: true, sessions: 0 };
      targets.set(key, {
        isHealthy: before.isHealthy && one.healthy,
        sessions: before.sessions + Number(one.sessions),
      });
    }
  }
  return { sessions, targets };
}
