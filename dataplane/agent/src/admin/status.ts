import {
  ConfigOrigin,
  type ConfigState,
  type Counters,
  type OperatorView,
  type Rejected,
  type StatusResponse,
  type TargetReport,
} from '@quiver/dataplane-api';
import type { Candidate } from '../config/candidate.ts';
import type { NodeIdentity } from '../config/last-good.ts';
import type { LinkState } from '../config-stream/client.ts';

/** What is known of a node at one moment; times in milliseconds since the Unix epoch. */
export interface StatusInput {
  readonly settings: NodeIdentity & { readonly version: string; readonly operator: { readonly address: string } };
  readonly uptimeMs: number;
  readonly now: number;
  readonly isReady: boolean;
  readonly inForce: { readonly candidate: Candidate; readonly since: number } | undefined;
  readonly refused: { readonly version: bigint; readonly reasons: readonly Rejected[] } | undefined;
  readonly link: LinkState;
  readonly counters: Counters;
  readonly targets: readonly TargetReport[];
  readonly notices: readonly string[];
  readonly operatorView: OperatorView | undefined;
}

/** What a node answers when it is asked how it is. */
export function describeStatus(input: StatusInput): StatusResponse {
  const { settings, link, operatorView } = input;
  const { fabric, router, node, version } = settings;
  return {
    fabric,
    router,
    node,
    agentVersion: version,
    uptimeMs: milliseconds(input.uptimeMs),
    ready: input.isReady,
    config: configState(input),
    operatorLink: { address: settings.operator.address, connected: link.isConnected, reason: link.reason },
    counters: input.counters,
    targets: [...input.targets],
    notices: [...input.notices],
    ...(operatorView === undefined ? {} : { operatorView }),
  };
}

/** How long nobody could say whether the configuration is still wanted; 0 when somebody can. */
export function staleMilliseconds({ inForce, link, now }: Pick<StatusInput, 'inForce' | 'link' | 'now'>): number {
  return link.isConnected || inForce === undefined ? 0 : Math.max(0, now - link.since);
}

function configState(input: StatusInput): ConfigState {
  const { inForce, refused, link, now } = input;
  const candidate = inForce?.candidate;
  return {
    version: candidate?.version ?? 0n,
    epoch: candidate?.epoch ?? 0n,
    digest: candidate?.digest ?? '',
    origin: originOf(candidate),
    inForceMs: milliseconds(inForce === undefined ? 0 : now - inForce.since),
    stale: inForce !== undefined && !link.isConnected,
    staleMs: milliseconds(staleMilliseconds(input)),
    rejectedVersion: refused?.version ?? 0n,
    rejected: [...(refused?.reasons ?? [])],
  };
}

function originOf(candidate: Candidate | undefined): ConfigOrigin {
  if (candidate === undefined) return ConfigOrigin.CONFIG_ORIGIN_UNSPECIFIED;
  return candidate.origin === 'LastGood' ? ConfigOrigin.CONFIG_ORIGIN_LAST_GOOD : ConfigOrigin.CONFIG_ORIGIN_OPERATOR;
}

function milliseconds(value: number): bigint {
  return BigInt(Math.max(0, Math.round(value)));
}
