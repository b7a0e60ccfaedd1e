import { z } from 'zod';
import { QuiverError } from '../errors.ts';
import type { LogLevel } from '../logger.ts';

/** One setting of the operator: a flag, and an environment variable that it wins over. */
export interface Flag {
  readonly name: string;
  readonly value: string;
  readonly description: string;
  /** Also read here, after `QUIVER_…`: names that Kubernetes users expect. */
  readonly alias?: string;
  readonly default?: string;
}

/** Every setting, in the order in which help shows them. */
export const flags = [
  { name: 'router-config', value: 'file', default: '/etc/quiver/router/router.yaml', description: 'the RouterConfig' },
  {
    name: 'secrets',
    value: 'folder',
    default: '/etc/quiver/fabric-secret',
    description: 'the fabric secret: one file per version, named by its number',
  },
  { name: 'namespace', value: 'name', alias: 'POD_NAMESPACE', description: 'namespace of the release' },
  { name: 'pod-name', value: 'name', alias: 'POD_NAME', description: 'name of this pod' },
  { name: 'pod-uid', value: 'uid', alias: 'POD_UID', description: 'uid of this pod' },
  {
    name: 'pod-ip',
    value: 'addresses',
    alias: 'POD_IPS',
    description: 'addresses of this pod, separated by commas (also from POD_IP)',
  },
  {
    name: 'name',
    value: 'name',
    default: 'quiver-operator',
    description: 'name of the lease, of the Service for agents and of its EndpointSlices',
  },
  {
    name: 'authority',
    value: 'name',
    default: 'quiver-authority',
    description: 'name of the Secret and the ConfigMap',
  },
  { name: 'config-listen', value: 'address', default: ':9443', description: 'where agents get configurations' },
  { name: 'enrol-listen', value: 'address', default: ':9444', description: 'where agents get certificates' },
  { name: 'metrics-listen', value: 'address', default: ':8080', description: 'where Prometheus gets /metrics' },
  { name: 'health-listen', value: 'address', default: ':8081', description: 'where kubelet gets /healthz and /readyz' },
  {
    name: 'agent-service-account',
    value: 'name',
    default: 'quiver-agent',
    description: 'service account of the agents, in the namespace of the release',
  },
  {
    name: 'node-taint',
    value: 'true|false',
    default: 'false',
    description: 'remove the taint quiver.dev/agent-not-ready of nodes whose agent forwards',
  },
  { name: 'kubeconfig', value: 'file', alias: 'KUBECONFIG', default: '', description: 'outside of a cluster' },
  { name: 'log-level', value: 'debug|info|warn|error', alias: 'LOG_LEVEL', default: 'info', description: 'log lines' },
] as const satisfies readonly Flag[];

export type FlagName = (typeof flags)[number]['name'];

/** Values by the names of flags, as given on the command line. */
export type GivenFlags = Partial<Record<FlagName, string>>;

const listen = z
  .string()
  .regex(/^(\S*):(\d{1,5})$/, 'is not ADDRESS:PORT; write :9443 for every address of the pod')
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'names a port above 65535');
const objectName = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'is no name of an object');
const given = z.string().min(1, 'is missing');

const schema = z.object({
  'router-config': given,
  secrets: given,
  namespace: objectName,
  'pod-name': objectName,
  'pod-uid': given,
  'pod-ip': z
    .string()
    .transform((text) => text.split(',').filter((address) => address !== ''))
    .pipe(
      z
        .array(z.union([z.ipv4(), z.ipv6()], 'holds no IP address'))
        .min(1, 'is missing')
        .max(2),
    ),
  name: objectName,
  authority: objectName,
  'config-listen': listen,
  'enrol-listen': listen,
  'metrics-listen': listen,
  'health-listen': listen,
  'agent-service-account': objectName,
  'node-taint': z.enum(['true', 'false'], 'is neither true nor false').transform((text) => text === 'true'),
  kubeconfig: z.string(),
  'log-level': z.enum(['debug', 'info', 'warn', 'error'], 'is none of debug, info, warn and error'),
});

/** What an operator is told when it begins. */
export interface ClusterSettings {
  readonly routerConfig: string;
  readonly secrets: string;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly podIps: readonly string[];
  /** Of the lease, the Service for agents and its EndpointSlices. */
  readonly name: string;
  /** Of the Secret and the ConfigMap of the authority. */
  readonly authority: string;
  readonly configListen: string;
  readonly enrolListen: string;
  readonly metricsListen: string;
  readonly healthListen: string;
  readonly agentServiceAccount: string;
  readonly removesTaint: boolean;
  /** Empty: the cluster that the process runs in. */
  readonly kubeconfig: string;
  readonly logLevel: LogLevel;
}

/** Settings of flags and environment. Throws `SettingsInvalid`, naming the flag and its variable. */
export function readSettings(
  flagsGiven: GivenFlags,
  env: Readonly<Record<string, string | undefined>>,
): ClusterSettings {
  const texts = Object.fromEntries(flags.map((flag) => [flag.name, textOf(flag, flagsGiven, env)]));
  const parsed = schema.safeParse(texts);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new QuiverError('SettingsInvalid', `--${name} (or ${variableOf(name)}) ${issue?.message}`);
  }
  const all = parsed.data;
  return {
    routerConfig: all['router-config'],
    secrets: all.secrets,
    namespace: all.namespace,
    podName: all['pod-name'],
    podUid: all['pod-uid'],
    podIps: all['pod-ip'],
    name: all.name,
    authority: all.authority,
    configListen: all['config-listen'],
    enrolListen: all['enrol-listen'],
    metricsListen: all['metrics-listen'],
    healthListen: all['health-listen'],
    agentServiceAccount: all['agent-service-account'],
    removesTaint: all['node-taint'],
    kubeconfig: all.kubeconfig,
    logLevel: all['log-level'],
  };
}

/** `QUIVER_POD_NAME` of `pod-name`. */
export function variableOf(flag: string): string {
  return `QUIVER_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function textOf(
  flag: Flag,
  { [flag.name as FlagName]: own }: GivenFlags,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const alias = flag.alias === undefined ? undefined : env[flag.alias];
  const single = flag.name === 'pod-ip' ? env['POD_IP'] : undefined;
  return own ?? env[variableOf(flag.name)] ?? alias ?? single ?? flag.default ?? '';
}
