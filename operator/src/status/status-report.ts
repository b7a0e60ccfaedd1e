import { isDeepStrictEqual } from 'node:util';
import type { Report } from '@quiver/dataplane-api';
import { describeRef, type ObjectRef } from '../api/resources.ts';
import type { Condition } from '../conditions/condition.ts';
import { findingsFor } from '../conditions/findings.ts';
import { mergeConditions } from '../conditions/merge.ts';
import type { NodeReport } from '../conditions/node-report.ts';
import type { FabricIr } from '../ir/fabric-ir.ts';
import type { Problem } from '../translate/problem.ts';
import { type Observation, observe } from './observation.ts';

/** Everything the operator has to say, in the shape of the kinds' `status`. */
export interface StatusReport {
  readonly fabric: string;
  readonly router: string;
  readonly nodes: readonly NodeStatus[];
  readonly objects: readonly ObjectStatus[];
  /** What is wrong, with file and line where the source knows them. */
  readonly problems: readonly Problem[];
}

export interface NodeStatus {
  readonly name: string;
  readonly connected: boolean;
  /** Version that the operator wants the node to run. */
  readonly version: string;
  readonly state: 'Current' | 'Pending' | 'Rejected';
  readonly sessions: number;
}

export interface ObjectStatus {
  readonly kind: ObjectRef['kind'];
  readonly namespace?: string;
  readonly name: string;
  readonly status: Observation & { readonly observedGeneration: number; readonly conditions: readonly Condition[] };
}

/** One node as the distributor knows it. */
export interface NodeKnowledge extends NodeReport {
  readonly version: bigint;
  readonly report: Report | undefined;
}

export interface StatusInput {
  readonly ir: FabricIr;
  readonly objects: readonly { readonly ref: ObjectRef; readonly generation: number }[];
  readonly problems: readonly Problem[];
  readonly nodes: readonly NodeKnowledge[];
  readonly previous: StatusReport | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/**
 * Makes the status of everything. Pure: time is an argument, and equal knowledge gives an equal status. What is equal to
 * the previous status is the very same object.
 */
export function makeStatus({ ir, objects, problems, nodes, previous, now }: StatusInput): StatusReport {
  const before = new Map((previous?.objects ?? []).map((one) => [describeRef(one), one]));
  const reports = nodes.flatMap(({ report }) => report ?? []);
  return {
    fabric: ir.fabric,
    router: ir.router,
    nodes: nodes.map(nodeStatus),
    objects: objects.map(({ ref, generation }) => {
      const findings = findingsFor(ref, { ir, problems, nodes });
      const former = before.get(describeRef(ref));
      const conditions = mergeConditions(findings, former?.status.conditions ?? [], generation, now);
      const status = { observedGeneration: generation, ...observe(ref, ir, reports), conditions };
      const object = { ...ref, status };
      return former !== undefined && isDeepStrictEqual(former, object) ? former : object;
    }),
    problems,
  };
}

/** Whether two statuses say the same. */
export function isSameStatus(one: StatusReport, other: StatusReport): boolean {
  const { objects, ...rest } = one;
  const { objects: others, ...otherRest } = other;
  const isSame = objects.length === others.length && objects.every((object, index) => object === others[index]);
  return isSame && isDeepStrictEqual(rest, otherRest);
}

function nodeStatus({ node, isConnected, version, rejected, wanted, acknowledged, report }: NodeKnowledge): NodeStatus {
  const current = wanted === acknowledged ? 'Current' : 'Pending';
  return {
    name: node,
    connected: isConnected,
    version: String(version),
    state: rejected.length > 0 ? 'Rejected' : current,
    sessions: Number(report?.sessions ?? 0n),
  };
}
