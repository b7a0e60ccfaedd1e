import { describeRef } from '../api/resources.ts';
import type { Condition } from '../conditions/condition.ts';
import { formatProblem } from '../translate/problem.ts';
import type { ObjectStatus, StatusReport } from './status-report.ts';
import type { StatusSink } from './status-sink.ts';

/** Prints what changed since the status before, one line each. */
export class StatusPrinter implements StatusSink {
  readonly #print: (line: string) => void;
  #previous: StatusReport | undefined;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  write(status: StatusReport): Promise<void> {
    for (const line of statusChanges(this.#previous, status)) this.#print(line);
    this.#previous = status;
    return Promise.resolve();
  }
}

/** The lines that tell a person what is new: problems, problems that are gone, nodes, and whether objects are ready. */
export function statusChanges(before: StatusReport | undefined, after: StatusReport): readonly string[] {
  const old = new Set(before?.problems.map(formatProblem));
  const now = new Set(after.problems.map(formatProblem));
  const appeared = [...now].filter((line) => !old.has(line));
  const gone = [...old].filter((line) => !now.has(line)).map((line) => `solved: ${line}`);
  return [...appeared, ...gone, ...nodeChanges(before, after), ...objectChanges(before, after)];
}

function nodeChanges(before: StatusReport | undefined, after: StatusReport): readonly string[] {
  const lines = (report: StatusReport | undefined) =>
    (report?.nodes ?? []).map(
      (node) => `Node ${node.name}: ${node.connected ? `connected, configuration ${node.state}` : 'not connected'}`,
    );
  const old = lines(before);
  return lines(after).filter((line) => !old.includes(line));
}

function objectChanges(before: StatusReport | undefined, after: StatusReport): readonly string[] {
  const old = new Map((before?.objects ?? []).map((one) => [describeRef(one), readyLine(one)]));
  const present = new Set(after.objects.map(describeRef));
  const changed = after.objects.filter((one) => readyLine(one) !== old.get(describeRef(one))).map(readyLine);
  const removed = [...old.keys()].filter((name) => !present.has(name)).map((name) => `${name}: removed`);
  return [...changed, ...removed];
}

function readyLine(object: ObjectStatus): string {
  const ready = object.status.conditions.find(({ type }) => type === 'Ready');
  return `${describeRef(object)}: ${ready === undefined ? 'Ready=Unknown' : conditionText(ready)}`;
}

function conditionText({ type, status, reason, message }: Condition): string {
  const head = `${type}=${status}`;
  if (status === 'True') return head;
  return message === '' ? `${head} (${reason})` : `${head} (${reason}: ${message})`;
}
