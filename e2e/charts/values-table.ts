import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** One value that a user may set. */
export interface ChartValue {
  /** As in `--set`. */
  readonly path: string;
  /** As JSON. */
  readonly byDefault: string;
  /** From the comment `# -- …` above it. */
  readonly description: string;
}

/** The described values of a values file, in its order; a described map is one value. */
export function describedValues(yaml: string): ChartValue[] {
  const document = parseDocument(yaml);
  if (!isMap(document.contents)) throw new Error('A values file holds a map.');
  return valuesOf(document.contents, '', yaml);
}

/** Paths of values without a description, neither their own nor one of a map around them. */
export function undescribedValues(yaml: string): string[] {
  const leaves = (value: unknown, path: string): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([key, member]) => leaves(member, path === '' ? key : `${path}.${key}`))
      : [path];
  const described = describedValues(yaml).map(({ path }) => path);
  return leaves(parseDocument(yaml).toJS(), '').filter(
    (leaf) => !described.some((path) => leaf === path || leaf.startsWith(`${path}.`)),
  );
}

/** The values as a Markdown table. */
export function valuesTable(values: readonly ChartValue[]): string {
  const rows = values.map(({ path, byDefault, description }) =>
    [`\`${path}\``, byDefault === '""' ? '' : `\`${byDefault}\``, description].map((cell) =>
      cell.replaceAll('|', '\\|'),
    ),
  );
  return ['| Value | Default | |', '|---|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}

function valuesOf(map: YAMLMap, prefix: string, yaml: string): ChartValue[] {
  return map.items.flatMap((pair) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    const path = `${prefix}${key}`;
    const description = descriptionAbove(pair, yaml);
    if (description !== undefined) return [{ path, byDefault: json(pair.value), description }];
    return isMap(pair.value) ? valuesOf(pair.value, `${path}.`, yaml) : [];
  });
}

/** The lines directly above the key, joined, when they begin with "--". */
function descriptionAbove(pair: Pair, yaml: string): string | undefined {
  const start = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
  const above = yaml.slice(0, start).split('\n').slice(0, -1);
  const text: string[] = [];
  for (const line of above.toReversed()) {
    const comment = /^\s*# ?(.*)$/.exec(line)?.[1];
    if (comment === undefined) return undefined;
    if (comment.startsWith('-- ')) return [comment.slice(3), ...text].join(' ');
    text.unshift(comment);
  }
  return undefined;
}

function json(node: unknown): string {
  return JSON.stringify(node) ?? '';
}
