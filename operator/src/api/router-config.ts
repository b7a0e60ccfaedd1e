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
    type: z.literal('SharedSecret').default('SharedSecret'),
    versions: z.array(secretVersion).min(1).max(4).optional(),
    active: z.number().int().min(1).optional(),
  })
  .refine(({ versions, active }) => isListed(versions, active), {
    path: ['active'],
    message: 'names a version that is not in the list; add it to versions or name one of them',
  })
  .refine(({ versions = [] }) => new Set(versions.map(({ version }) => version)).size === versions.length, {
    path: ['versions'],
    message: 'has one number twice; give each version its own',
  });

const cidrs = z.array(prefix).max(64).default([]);

const kubernetes = z.strictObject({
  /** Which of a Node's addresses is its waypoint; Annotation: those of `quiver.dev/waypoint`. */
  waypointAddress: z.enum(['InternalIP', 'ExternalIP', 'Annotation']).default('InternalIP'),
  /** Prefixes of the cluster's pods, beside those that Nodes name. */
  podCidrs: cidrs,
  serviceCidrs: cidrs,
  /** How pods get their network: Chained behind another plugin, Primary by Quiver alone, Off = pods have no tenant by ADD. */
  mode: z.enum(['Chained', 'Primary', 'Off']).default('Chained'),
  /** Primary: packets of pods that leave the cluster get the node's address. */
  masquerade: z.boolean().default(true),
  /** Primary: MTU of the pods' interfaces; 0 = the uplink's. */
  mtu: z
    .number()
    .int()
    .refine(
      (value) => value === 0 || (value >= 1280 && value <= 65535),
      'must be from 1280 to 65535, or 0 for that of the uplink',
    )
    .default(0),
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

/**
 * RouterConfig, `config.quiver.dev/v1alpha1`: one file per router. It lists the router's `nodes`, or takes them from a cluster
 * by `kubernetes`.
 */
export const routerConfigSchema = z
  .strictObject({
    apiVersion: z.literal(configGroupVersion),
    kind: z.literal('RouterConfig'),
    fabric: name,
    router: name,
    nodes: z.array(node).min(1).max(1000).optional(),
    kubernetes: kubernetes.optional(),
    servicePool: pool(defaultPools.service),
    returnPool: pool(defaultPools.return),
    waypointPorts: z
      .strictObject({ first: port, last: port })
      .refine(({ first, last }) => last - first >= 63, 'holds fewer than 64 ports; widen first and last')
      .default({ first: 16384, last: 29999 }),
    controlPort: port.default(1280),
    keySource: keySource.optional(),
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

/** A router's own settings, with every default filled in: of a router with nodes of its own, or of one in a cluster. */
export type RouterConfig = z.infer<typeof routerConfigSchema>;

/** What a router in a cluster takes from it. */
export type KubernetesSettings = z.infer<typeof kubernetes>;

/** A version of the fabric secret and the file that holds its bytes. */
export type SecretVersion = z.infer<typeof secretVersion>;

type Contradiction = readonly [field: readonly (string | number)[], message: string];

interface CheckedNode {
  readonly name: string;
  readonly waypoints: readonly z.infer<typeof waypoint>[];
}

interface Checked {
  readonly nodes?: readonly CheckedNode[] | undefined;
  readonly kubernetes?: unknown;
  readonly keySource?: z.infer<typeof keySource> | undefined;
  readonly operator?: unknown;
  readonly servicePool: readonly string[];
  readonly returnPool: readonly string[];
}

function contradictions(config: Checked): Contradiction[] {
  const nodes = config.nodes ?? [];
  return [
    ...wrongPlace(config),
    ...duplicateNodes(nodes),
    ...duplicateWaypoints(nodes),
    ...poolConflicts(config, nodes),
  ];
}

// A router is described by its nodes, or by the cluster that has them; what belongs to one has no meaning beside the other.
function wrongPlace({ nodes, kubernetes: cluster, keySource: source, operator: listening }: Checked): Contradiction[] {
  if (nodes !== undefined && cluster !== undefined)
    return [[['kubernetes'], 'stands beside nodes; keep nodes for a router of its own, or kubernetes in a cluster']];
  if (cluster !== undefined) {
    const versions = 'cannot be named in a cluster, where each key of the fabric secret is one; remove it';
    return [
      ...(source?.versions === undefined ? [] : [[['keySource', 'versions'], versions] as const]),
      ...(listening === undefined ? [] : [[['operator'], 'is set by flags in a cluster; remove it'] as const]),
    ];
  }
  const missing: Contradiction[] = nodes === undefined ? [[['nodes'], 'is missing; list the nodes of the router']] : [];
  if (source === undefined) return [...missing, [['keySource'], 'is missing; name the files of the fabric secret']];
  const { versions, active } = source;
  if (versions === undefined) missing.push([['keySource', 'versions'], 'is missing; list number and file of each']);
  if (active === undefined) missing.push([['keySource', 'active'], 'is missing; name the version to send with']);
  return missing;
}

function duplicateNodes(nodes: readonly CheckedNode[]): Contradiction[] {
  return nodes.flatMap((one, index): Contradiction[] => {
    const first = nodes.findIndex((other) => other.name === one.name);
    return first === index ? [] : [[['nodes', index, 'name'], `is also the name of nodes[${first}]; rename one`]];
  });
}

function duplicateWaypoints(nodes: readonly CheckedNode[]): Contradiction[] {
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

function poolConflicts({ servicePool, returnPool }: Checked, nodes: readonly CheckedNode[]): Contradiction[] {
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

function isListed(versions: readonly z.infer<typeof secretVersion>[] | undefined, active: number | undefined): boolean {
  return versions === undefined || active === undefined || versions.some(({ version }) => version === active);
}
