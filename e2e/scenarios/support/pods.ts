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
}

const programs = { name: 'programs', configMap: { name: 'programs' } };
const mount = { name: 'programs', mountPath: '/programs' };

interface PodSpec {
  readonly containers: readonly object[];
  readonly [field: string]: unknown;
}

function podSpec(command: readonly string[], { node, serviceAccount, hostNetwork }: PodOptions): PodSpec {
  return {
    terminationGracePeriodSeconds: 1,
    ...(node === undefined ? {} : { nodeName: node }),
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    ...(hostNetwork === undefined ? {} : { hostNetwork, dnsPolicy: 'ClusterFirstWithHostNet' }),
    // A node that was rebooted keeps its pods: nobody is evicted while a test runs.
    tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    containers: [{ name: 'main', image: toolsImage, imagePullPolicy: 'Never', command }],
  };
}

/** A pod that waits for commands. */
export function idlePod(namespace: string, name: string, options: PodOptions = {}): Manifest {
  return pod(namespace, name, podSpec(['sleep', 'infinity'], options), options);
}

/** A pod that runs one of the programs. */
export function programPod(
  namespace: string,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  options: PodOptions = {},
): Manifest {
  return pod(namespace, name, programSpec([program, ...args], options), options);
}

function pod(namespace: string, name: string, spec: PodSpec, { labels }: PodOptions): Manifest {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name, ...labels } }, spec };
}

/** The programs are in a ConfigMap of the pod's namespace. */
function programSpec([program, ...args]: readonly [string, ...string[]], options: PodOptions): PodSpec {
  const command = ['node', '--disable-warning=ExperimentalWarning', `/programs/${program}`, ...args];
  const spec = podSpec(command, options);
  const containers = spec.containers.map((container) => ({ ...container, volumeMounts: [mount] }));
  return { ...spec, containers, volumes: [programs] };
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
  const spec = programSpec(['server.ts', ...args], {});
  const readinessProbe = { httpGet: { path: '/ready', port: serverPorts.http }, periodSeconds: 1 };
  const containers = spec.containers.map((container) => ({ ...container, readinessProbe }));
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { ...spec, containers, topologySpreadConstraints: [spread] } },
    },
  };
}
