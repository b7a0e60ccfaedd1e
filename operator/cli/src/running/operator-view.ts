import type { ObjectView, OperatorView } from '@quiver/dataplane-api';
import { formatProblem, type ObjectStatus, type StatusReport } from '@quiver/operator';

/** What the operator knows, in the words of the admin service. */
export function operatorViewOf(report: StatusReport): OperatorView {
  return {
    nodes: report.nodes.map(({ name, connected, state }) => ({ node: name, connected, state })),
    objects: report.objects.map(objectView),
    problems: report.problems.map(formatProblem),
  };
}

function objectView({ kind, namespace = '', name, status }: ObjectStatus): ObjectView {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return {
    kind,
    namespace,
    name,
    ready: ready?.status ?? 'Unknown',
    reason: ready?.reason ?? '',
    message: ready?.message ?? '',
  };
}
