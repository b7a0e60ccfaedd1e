import pc from 'picocolors';
import type { DiagnoseOptions } from '../../commands/diagnose.ts';
import { exitCodes } from '../../failure.ts';
import { structured } from '../../output/format.ts';
import { answered } from '../ask.ts';
import { withClusters } from '../options.ts';
import type { Reporting } from '../report.ts';
import { checks } from './checks.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { type Check, type Finding, type Result, unknown } from './finding.ts';

/** What a check found in one cluster. */
export interface CheckReport {
  readonly check: string;
  readonly findings: readonly Finding[];
}

/** Runs every check in every cluster named, and compares the clusters with each other. */
export function diagnose(options: DiagnoseOptions, { context, outcome }: Reporting): Promise<void> {
  return withClusters(options, context, async (clusters) => {
    const all = await Promise.all(clusters.map((cluster) => evidenceOf(cluster, options.namespace, context)));
    const reports = all.map((own) => ({ own, report: runChecks(own, all) }));
    if (options.output === 'text')
      context.stdout.write(reports.map(({ own, report }) => render(own, report, context.hasColor)).join('\n'));
    else
      context.stdout.write(
        structured(
          { clusters: reports.map(({ own, report }) => ({ context: own.overview.context, checks: report })) },
          options.output,
        ),
      );
    for (const { own } of reports) for (const line of own.unread) context.stderr.write(`not read: ${line}\n`);
    const results = reports.flatMap(({ report }) => report.flatMap(({ findings }) => findings));
    if (results.some(({ result }) => result === 'Failed')) outcome.exitCode = exitCodes.failure;
  });
}

/** Every check of one cluster; `all` are those that were asked, itself among them. */
export function runChecks(own: Evidence, all: readonly Evidence[]): readonly CheckReport[] {
  const others = all.filter((one) => one !== own);
  const isSilent = own.statuses.length === 0 || answered(own.facts).length === 0;
  const silence = [unknown('no node answers', 'see the check "agents"')];
  return checks.map(({ name, isAboutNodes = false, run }: Check) => ({
    check: name,
    findings: isSilent && isAboutNodes ? silence : run(own, others),
  }));
}

const words: Readonly<Record<Result, string>> = { Ok: 'ok', Warning: 'WARNING', Failed: 'FAILED', Unknown: 'unknown' };

/** A line for each finding, its way out below, and the sum. */
export function render({ overview }: Evidence, report: readonly CheckReport[], hasColor: boolean): string {
  const color = pc.createColors(hasColor);
  const paint = { Ok: color.green, Warning: color.yellow, Failed: color.red, Unknown: color.dim };
  const width = Math.max(...report.map(({ check }) => check.length));
  const lines = report.flatMap(({ check, findings }) =>
    findings.flatMap(({ result, found, remedy }) => {
      const word = paint[result](words[result].padEnd(7));
      const line = `${word}   ${check.padEnd(width)}   ${found}`;
      return remedy === '' ? [line] : [line, `${' '.repeat(10 + width + 3)}-> ${remedy}`];
    }),
  );
  const title = `Cluster ${overview.context}, namespace ${overview.installation.namespace}:`;
  return [title, ...lines, sumOf(report)].map((line) => `${line}\n`).join('');
}

function sumOf(report: readonly CheckReport[]): string {
  const worst = report.map(({ findings }) => worstOf(findings));
  const count = (result: Result) => worst.filter((one) => one === result).length;
  return `${report.length} checks: ${count('Ok')} ok, ${count('Warning')} with warnings, ${count('Failed')} failed, ${count('Unknown')} cannot be told.`;
}

function worstOf(findings: readonly Finding[]): Result {
  const order: readonly Result[] = ['Failed', 'Warning', 'Unknown', 'Ok'];
  return order.find((result) => findings.some((finding) => finding.result === result)) ?? 'Ok';
}
