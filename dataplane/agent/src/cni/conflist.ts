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
const list = z.looseObject({ name: z.string().min(1), plugins: z.array(plugin).min(1) });
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

/** Whether our plugin is in it. */
export function isOwn({ text }: ConfFile): boolean {
  return parsed(text)?.plugins.some(({ type }) => type === pluginType) ?? false;
}

/** The configuration that the runtime would use without us: the first in order that is one. */
export function primaryOf(files: readonly ConfFile[]): ConfFile | undefined {
  const candidates = files.filter((file) => isConfiguration(file.name) && !isOwn(file));
  return candidates.sort(byName).find(({ text }) => parsed(text) !== undefined);
}

/** The primary's configuration with our plugin behind the others, under a name that the runtime reads first; undefined when there is no such name. */
export function chainedConfiguration(primary: ConfFile, settings: PluginSettings): ConfFile | undefined {
  const name = ownNames.find((one) => one < primary.name);
  const configuration = parsed(primary.text);
  if (name === undefined || configuration === undefined) return undefined;
  const plugins = [...configuration.plugins, { type: pluginType, ...settings }];
  return { name, text: textOf({ ...configuration, plugins }) };
}

/** The configuration of a node whose network is ours alone. */
export function primaryConfiguration(settings: PluginSettings, hasPortmap: boolean): ConfFile {
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  const plugins = [{ type: pluginType, ...settings }, ...(hasPortmap ? [portmap] : [])];
  return { name: ownNames[0] ?? '', text: textOf({ cniVersion: '1.1.0', name: 'quiver', plugins }) };
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
