import { agentText, operatorText } from '../charts/registries.ts';

/** The page on metrics, made of what operator and agents really show. */
export const METRICS_PAGE = 'operator/docs/metrics.md';

const head = `# Metrics

Generated from the registries of operator and agent by \`npm run gen\`. Names and meanings are stable; every name ends with its unit, counters with \`_total\`.
Labels are bounded: after 500 services, paths or targets the rest share the value \`_other\`. What to be woken for is in the
[alerts](../../charts/quiver/docs/alerts.md); drop reasons in the [list](../../dataplane/docs/drop-reasons.md).
`;

/** Path -> content. */
export async function metricsPage(): Promise<Map<string, string>> {
  const operator = tableOf(await operatorText(), (name) => !/^quiver_operator_(?:process|nodejs)_/.test(name));
  const agent = tableOf(await agentText(), () => true);
  const sections = [
    head,
    `## Agent: port 9464 of each node\n\n${agent}`,
    `## Operator: port 8080\n\nBeside these the usual \`quiver_operator_process_*\` and \`quiver_operator_nodejs_*\`.\n\n${operator}`,
  ];
  return new Map([[METRICS_PAGE, sections.join('\n')]]);
}

function tableOf(text: string, isWanted: (name: string) => boolean): string {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  const rows = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)]
    .map(([, name = '', help = '']) => ({ name, help, type: types.get(name) ?? '' }))
    .filter(({ name }) => isWanted(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, help, type }) => `| \`${name}\` | ${type} | ${help} |`);
  return ['| metric | type | meaning |', '|---|---|---|', ...rows].map((line) => `${line}\n`).join('');
}
