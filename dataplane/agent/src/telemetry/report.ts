import { type Counters, type NodeConfig, Report, type TargetReport } from '@quiver/dataplane-api';

/** What the operator is told; `config` is as the engine has it, with the health of its targets. */
export function makeReport(counters: Counters, config: NodeConfig | undefined): Report {
  return {
    services: counters.services
      .filter(({ sessions }) => sessions > 0n)
      .map(({ service, sessions }) => ({ service, sessions }))
      .sort((one, other) => compare(one.service, other.service)),
    targets: targetsOf(counters, config),
    paths: counters.paths.toSorted((one, other) => compare(pathKey(one), pathKey(other))),
    sessions: counters.sessions,
  };
}

/** Equal for reports between which nothing happened: measured clock offsets move all the time. */
export function fingerprint(report: Report): string {
  const paths = report.paths.map((path) => ({ ...path, clockOffsetMs: 0n }));
  return Buffer.from(Report.encode({ ...report, paths }).finish()).toString('base64');
}

/** Every target of a configuration, with its sessions. */
export function targetsOf(counters: Counters, config: NodeConfig | undefined): TargetReport[] {
  const routes = (config?.services ?? []).flatMap((service) => service.routes);
  const sessions = new Map(counters.targets.map((one) => [targetKey(one.route, one.address, one.port), one.sessions]));
  return routes.flatMap(({ name, targets }) =>
    targets.map(({ address, port, healthy }) => ({
      route: name,
      address,
      port,
      healthy,
      sessions: sessions.get(targetKey(name, address, port)) ?? 0n,
    })),
  );
}

function targetKey(route: string, address: string, port: number): string {
  return `${route} ${address} ${port}`;
}

function pathKey(path: {
  readonly router: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
}): string {
  return `${path.router} ${path.localAddress} ${path.remoteAddress}`;
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
