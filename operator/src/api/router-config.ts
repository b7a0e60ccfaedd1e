import { z } from 'zod';
import { contains, isExactPrefix, overlaps, parseAddress, parsePrefix } from '../ir/prefix.ts';
import { configGroupVersion } from './resources.ts';

/** Pools of one family that leave room: 2^64 addresses, or a /16 and a /20. */
export const defaultPools = {
  service: ['198.18.0.0/16', 'fd71:7569:7665:1::/64'],
  return: ['169.254.96.0/20', 'fd71:7569:7665::/64'],
};

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'use lower-case letters, digits, "-" and "."')
  .max(63);

const unusable = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '::/127', 'ff00::/8'].flatMap(
  (text) => parsePrefix(text) ?? [],
);

const address = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, 'is not an IPv4 or IPv6 address')
  .refine((text) => !isUnusable(text), 'is no address that a peer could reach; write one of an uplink');

const prefix = z
  .string()
  .refine((text) => parsePrefix(text) !== undefined, 'is not a prefix; write one like 198.18.0.0/16')
  .refine(isExactPrefix, 'has bits set behind its length; write the first address of the prefix');

const pool = (byDefault: readonly string[]) =>
  z
    .array(prefix)
    .min(1)
    .max(2)
    .refine(hasOnePerFamily, 'holds two prefixes of one family; give at most one IPv4 and one IPv6 prefix')
    .default([...byDefault]);

const port = z.number().int().min(1).max(65535);

const waypoint = z.strictObject({ name: name.default('wan0'), address });

const node = z.strictObject({ name, waypoints: z.array(waypoint).min(1).max(8) });

const secretVersion = z.strictObject({ version: z.number().int().min(1).max(0xffff_ffff), file: z.string().min(1) });

const keySource = z
  .strictObject({
    type: z.literal('SharedSecret'),
    versions: z.array(secretVersion).min(1).max(4),
    active: z.number().int().min(1),
  })
  .refine((source) => source.versions.some(({ version }) => version === source.active), {
    path: ['active'],
    message: 'names a version that is not in the list; add it to versions or name one of them',
  })
  .refine(({ versions }) => new Set(versions.map(({ version }) => version)).size === versions.length, {
    path: ['versions'],
    message: 'has one number twice; give each version its own',
  });

const tls = z.strictObject({ certificate: z.string().min(1), key: z.string().min(1), authority: z.string().min(1) });

const listen = z
  .string()
  .refine((text) => /^unix:.+$/.test(text) || /^.+:\d{1,5}$/.test(text), 'use unix:/path/to.sock or address:port');

const operator = z
  .strictObject({ listen, tls: tls.optional() })
  .refine(({ listen: where, tls: files }) => where.startsWith('unix:') || files !== undefined, {
    path: ['tls'],
    message:
      'is missing; agents on other machines are only served with certificates: add certificate, key and authority',
  });

/** RouterConfig, `config.quiver.dev/v1alpha1`: one file per router. */
export const routerConfigSchema = z
  .strictObject({
    apiVersion: z.literal(configGroupVersion),
    kind: z.literal('RouterConfig'),
    fabric: name,
    router: name,
    nodes: z.array(node).min(1).max(1000),
    servicePool: pool(defaultPools.service),
    returnPool: pool(defaultPools.return),
    waypointPorts: z
      .strictObject({ first: port, last: port })
      .refine(({ first, last }) => last - first >= 63, 'holds fewer than 64 ports; widen first and last')
      .default({ first: 16384, last: 29999 }),
    controlPort: port.default(1280),
    keySource,
    metadata: z.enum(['Sealed', 'Signed']).default('Sealed'),
    cipher: z.enum(['AES-256-GCM', 'AES-256-CBC-HMAC-SHA256-128']).default('AES-256-GCM'),
    rejection: z.enum(['Tell', 'Silent']).default('Tell'),
    serviceMatch: z.enum(['BestOnly', 'Any']).default('BestOnly'),
    limits: z.strictObject({ maxSessions: z.number().int().min(1).max(16_777_216).default(262_144) }).prefault({}),
    fastPath: z.enum(['Auto', 'Off']).default('Auto'),
    operator: operator.optional(),
  })
  .superRefine((config, context) => {
    for (const [field, message] of contradictions(config)) {
      context.addIssue({ code: 'custom', path: [...field], message });
    }
  });

/** A router's own settings, with every default filled in. */
export type RouterConfig = z.infer<typeof routerConfigSchema>;

type Contradiction = readonly [field: readonly (string | number)[], message: string];

interface Checked {
  readonly nodes: readonly { readonly name: string; readonly waypoints: readonly z.infer<typeof waypoint>[] }[];
  readonly servicePool: readonly string[];
  readonly returnPool: readonly string[];
}

function contradictions(config: Checked): Contradiction[] {
  return [...duplicateNodes(config), ...duplicateWaypoints(config), ...poolConflicts(config)];
}

function duplicateNodes({ nodes }: Checked): Contradiction[] {
  return nodes.flatMap((one, index): Contradiction[] => {
    const first = nodes.findIndex((other) => other.name === one.name);
    return first === index ? [] : [[['nodes', index, 'name'], `is also the name of nodes[${first}]; rename one`]];
  });
}

function duplicateWaypoints({ nodes }: Checked): Contradiction[] {
  const seen = new Map<string, string>();
  return nodes.flatMap((one, index) =>
    one.waypoints.flatMap((own, position): Contradiction[] => {
      const key = canonicalText(own.address);
      const place = `nodes[${index}].waypoints[${position}]`;
      const first = seen.get(key);
      seen.set(key, first ?? place);
      if (first === undefined) return [];
      return [
        [['nodes', index, 'waypoints', position, 'address'], `is also the address of ${first}; give each its own`],
      ];
    }),
  );
}

function poolConflicts({ servicePool, returnPool, nodes }: Checked): Contradiction[] {
  const pools = [...servicePool, ...returnPool].flatMap((text) => parsePrefix(text) ?? []);
  const inPool = nodes.flatMap((one, index) =>
    one.waypoints.flatMap((own, position): Contradiction[] => {
      const host = parsePrefix(own.address);
      const inside = host !== undefined && pools.some((outer) => contains(outer, host));
      return inside ? [[['nodes', index, 'waypoints', position, 'address'], 'lies in servicePool or returnPool']] : [];
    }),
  );
  const crossing = servicePool.flatMap((text, index): Contradiction[] => {
    const one = parsePrefix(text);
    const other = returnPool.find((candidate) => {
      const parsed = parsePrefix(candidate);
      return one !== undefined && parsed !== undefined && overlaps(one, parsed);
    });
    return other === undefined
      ? []
      : [[['servicePool', index], `overlaps ${other} of returnPool; choose another prefix`]];
  });
  return [...inPool, ...crossing];
}

function isUnusable(text: string): boolean {
  const own = parsePrefix(text);
  return own !== undefined && unusable.some((one) => contains(one, own));
}

function canonicalText(text: string): string {
  const parsed = parseAddress(text);
  return parsed === undefined ? text : `${parsed.family}:${parsed.value}`;
}

function hasOnePerFamily(prefixes: readonly string[]): boolean {
  const families = prefixes.map((text) => parsePrefix(text)?.family);
  return new Set(families).size === families.length;
}
