import { toolsImage } from '../../cluster/images/base.ts';
import type { Manifest } from './objects.ts';

/** Ports on which the server program of test pods listens. */
export const serverPorts = { http: 8080, echo: 7000 } as const;

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Node that it has to run on. */
  readonly node?: string;
  readonly serviceAccount?: string;
  readonly hostNetwork?: boolean;
  /** Whether the programs are at hand, from a ConfigMap of the namespace; they are when absent. */
  readonly programs?: boolean;
}

const volumes = [{ name: 'programs', configMap: { name: 'programs' } }];
const volumeMounts = [{ name: 'programs', mountPath: '/programs' }];

interface PodSpec {
  readonly containers: readonly object[];
  readonly [field: string]: unknown;
}

function podSpec(
  command: readonly string[],
  { node, serviceAccount, hostNetwork, programs = true }: PodOptions,
): PodSpec {
  return {
    terminationGracePeriodSeconds: 1,
    ...(node === undefined ? {} : { nodeName: node }),
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    ...(hostNetwork === undefined ? {} : { hostNetwork, dnsPolicy: 'ClusterFirstWithHostNet' }),
    // A node that was rebooted keeps its pods: nobody is evicted while a test runs.
    tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    containers: [
      { name: 'main', image: toolsImage, imagePullPolicy: 'Never', command, ...(programs ? { volumeMounts } : {}) },
    ],
    ...(programs ? { volumes } : {}),
  };
}

/** A pod that waits for commands. */
export function idlePod(namespace: string, name: string, options: PodOptions = {}): Manifest {
  return pod(namespace, name, ['sleep', 'infinity'], options);
}

/** A pod that runs one of the programs. */
export function programPod(
  namespace: string,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  options: PodOptions = {},
): Manifest {
  return pod(namespace, name, runProgram(program, ...args), options);
}

function pod(namespace: string, name: string, command: readonly string[], options: PodOptions): Manifest {
  const metadata = { name, namespace, labels: { app: name, ...options.labels } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec(command, options) };
}

/** Command that runs one of the programs, in a pod of ours. */
export function runProgram(program: string, ...args: readonly string[]): string[] {
  return ['node', '--disable-warning=ExperimentalWarning', `/programs/${program}`, ...args];
}

export interface ServersOptions {
  readonly replicas: number;
  /** UDP ports that are sent back, `10000-10019`. */
  readonly udp?: string;
}

/** Servers, spread over the nodes. */
export function servers(namespace: string, name: string, { replicas, udp }: ServersOptions): Manifest {
  const labels = { app: name };
  const args = [String(serverPorts.http), String(serverPorts.echo), ...(udp === undefined ? [] : [udp])];
  const spread = {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: labels },
  };
  const spec = podSpec(runProgram('server.ts', ...args), {});
  // A server that is about to end serves on until everybody knows.
  const lifecycle = { preStop: { sleep: { seconds: 3 } } };
  const readinessProbe = { httpGet: { path: '/ready', port: serverPorts.http }, periodSeconds: 1 };
  const containers = spec.containers.map((container) => ({ ...container, readinessProbe, lifecycle }));
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { ...spec, terminationGracePeriodSeconds: 10, containers, topologySpreadConstraints: [spread] },
      },
    },
  };
}
