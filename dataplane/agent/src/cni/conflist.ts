import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** Type of our plugin, which is the name of its binary. */
export const pluginType = 'quiver-cni';

/** A file of the container runtime's network configurations. */
export interface ConfFile {
  readonly name: string;
  readonly text: string;
}

/** What our own plugin is told. */
export interface PluginSettings {
  readonly mode: 'Chained' | 'Primary';
  /** Of the agent. */
  readonly socket: string;
}

const plugin = z.looseObject({ type: z.string().min(1) });
const list = z.looseObject({ name: z.string().min(1), plugins: z.array(plugin) });
const single = z.looseObject({ name: z.string().min(1), type: z.string().min(1) });

/** Names that our configuration may have; the first that sorts before the primary one is taken. */
export const ownNames: readonly string[] = [
  '00-quiver.conflist',
  '00-0-quiver.conflist',
  '0-quiver.conflist',
  '0-0-quiver.conflist',
];

/** Whether a container runtime would read the file. */
export function isConfiguration(name: string): boolean {
  return /\.(?:conf|conflist|json)$/.test(name);
}

/** Whether our plugin is in it, whoever put it there. */
export function isChained({ text }: ConfFile): boolean {
  return parsed(text)?.plugins.some(({ type }) => type === pluginType) ?? false;
}

/** Whether it is the agent's: only such a file is ever changed or removed. One of its names that cannot be read was damaged. */
export function isOwn(file: ConfFile): boolean {
  return ownNames.includes(file.name) && (isChained(file) || parsed(file.text) === undefined);
}

/** What the runtime would use without us. */
export type Primary =
  | { readonly kind: 'Found'; readonly file: ConfFile }
  /** The first file cannot be read: somebody may be writing it at this moment. */
  | { readonly kind: 'Unreadable'; readonly name: string }
  | { readonly kind: 'None' };

/** The first configuration in order but ours; files without plugins and those of the loopback device are passed over. */
export function primaryOf(files: readonly ConfFile[]): Primary {
  const candidates = files.filter((file) => isConfiguration(file.name) && !isOwn(file)).sort(byName);
  for (const file of candidates) {
    const plugins = parsed(file.text)?.plugins;
    if (plugins === undefined) return { kind: 'Unreadable', name: file.name };
    if (plugins.some(({ type }) => type !== 'loopback')) return { kind: 'Found', file };
  }
  return { kind: 'None' };
}

/**
 * The primary's configuration with our plugin behind the others, under a name that the runtime reads first; undefined when there is no such name.
 * Plugins that others put behind ours in `current`, our file of before, stay.
 */
export function chainedConfiguration(
  source: ConfFile,
  settings: PluginSettings,
  current?: ConfFile,
): ConfFile | undefined {
  const name = ownNames.find((one) => one < source.name);
  const configuration = parsed(source.text);
  if (name === undefined || configuration === undefined) return undefined;
  const known = new Set(configuration.plugins.map(({ type }) => type));
  const added = addedBehind(current).filter(({ type }) => !known.has(type));
  const plugins = [...configuration.plugins, { type: pluginType, ...settings }, ...added];
  return { name, text: textOf({ ...configuration, plugins }) };
}

/** Whether both say the same, however it is written. */
export function isSameConfiguration(one: ConfFile | undefined, other: ConfFile): boolean {
  return one !== undefined && isDeepStrictEqual(parsedJson(one.text), parsedJson(other.text));
}

/** The configuration of a node whose network is ours alone. */
export function primaryConfiguration(settings: PluginSettings, hasPortmap: boolean): ConfFile {
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  const plugins = [{ type: pluginType, ...settings }, ...(hasPortmap ? [portmap] : [])];
  return { name: ownNames[0] ?? '', text: textOf({ cniVersion: '1.1.0', name: 'quiver', plugins }) };
}

function addedBehind(current: ConfFile | undefined): readonly z.infer<typeof plugin>[] {
  const plugins = current === undefined ? [] : (parsed(current.text)?.plugins ?? []);
  const own = plugins.findIndex(({ type }) => type === pluginType);
  return own < 0 ? [] : plugins.slice(own + 1);
}

// A single plugin is a list of one: its version and name are those of the list.
function parsed(text: string): z.infer<typeof list> | undefined {
  const value = parsedJson(text);
  const asList = list.safeParse(value);
  if (asList.success) return asList.data;
  const asSingle = single.safeParse(value);
  if (!asSingle.success) return undefined;
  const { cniVersion, name, ...rest } = asSingle.data;
  return { ...(cniVersion === undefined ? {} : { cniVersion }), name, plugins: [rest] };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function byName(one: ConfFile, other: ConfFile): number {
  return one.name < other.name ? -1 : 1;
}
