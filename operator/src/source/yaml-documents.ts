import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseAllDocuments } from 'yaml';

type Path = readonly (string | number)[];

/** One document of a file. */
export interface YamlDocument {
  readonly value: unknown;
  /** Line of a field, or of the nearest thing around it; counts from 1. */
  readonly lineOf: (path: Path) => number;
}

/** What is no YAML, and where. */
export interface YamlMistake {
  readonly line: number;
  readonly message: string;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly mistakes: readonly YamlMistake[];
}

/** Reads every document of a text; empty ones are left out. */
export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (!Array.isArray(parsed)) return { documents: [], mistakes: [] };
  const documents: YamlDocument[] = [];
  const mistakes: YamlMistake[] = [];
  for (const document of parsed) {
    const errors = [...document.errors, ...document.warnings];
    mistakes.push(
      ...errors.map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line, message: oneLine(message) })),
    );
    const root = document.contents;
    if (errors.length > 0 || isEmpty(root)) continue;
    const read = plainValue(() => document.toJS({ maxAliasCount: 100 }) as unknown);
    if (read.message === undefined) documents.push(locatable(read.value, root, lines));
    else mistakes.push({ line: lineAt(lines, root), message: read.message });
  }
  return { documents, mistakes };
}

function locatable(value: unknown, root: ParsedNode | null, lines: LineCounter): YamlDocument {
  return { value, lineOf: (path) => lineAt(lines, nearestNode(root, path)) };
}

function isEmpty(root: ParsedNode | null): boolean {
  return root === null || (isScalar(root) && root.value === null);
}

// An alias that expands without bounds is an error of the file and not of the process.
function plainValue(read: () => unknown): { value?: unknown; message?: string } {
  try {
    return { value: read() };
  } catch (caught) {
    return { message: oneLine(caught instanceof Error ? caught.message : String(caught)) };
  }
}

function nearestNode(root: Node | null, path: Path): Node | null {
  let node = root;
  let nearest = root;
  for (const segment of path) {
    const step = stepInto(node, segment);
    if (step === undefined) return nearest;
    nearest = step.shown;
    node = step.inner;
  }
  return nearest;
}

// A field is shown where its key stands, an item where it begins.
function stepInto(node: Node | null, segment: string | number): { shown: Node | null; inner: Node | null } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(segment),
    );
    return pair === undefined ? undefined : { shown: pair.key as Node, inner: (pair.value ?? null) as Node | null };
  }
  if (isSeq(node) && typeof segment === 'number') {
    const item = node.items[segment] as Node | undefined;
    return item === undefined ? undefined : { shown: item, inner: item };
  }
  return undefined;
}

function lineAt(lines: LineCounter, node: Node | null): number {
  const offset = node?.range?.[0];
  return offset === undefined ? 1 : lines.linePos(offset).line;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, ' ').trim();
}
