import type { KubeObject } from './cluster.ts';

/** A pod, cut down to what is asked of it here. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly phase: string;
  readonly isReady: boolean;
  readonly isHostNetwork: boolean;
  readonly isGoing: boolean;
  readonly serviceAccount: string;
  readonly addresses: readonly string[];
  /** The container that does the work. */
  readonly mainContainer: string;
  readonly containers: readonly string[];
  readonly image: string;
  /** Why a container does not run, such as `CrashLoopBackOff: back-off 40s restarting`; empty when all do. */
  readonly waiting: string;
  readonly restarts: number;
  readonly createdAt: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly message?: string };
  };
}

interface PodJson {
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly serviceAccountName?: string;
    readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

const defaultContainer = 'kubectl.kubernetes.io/default-container';

/** Reads a pod as the API server gives it. */
export function podOf(object: KubeObject): Pod {
  const { metadata } = object;
  const { spec = {}, status = {} } = object as PodJson;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    node: spec.nodeName ?? '',
    labels: metadata.labels ?? {},
    isHostNetwork: spec.hostNetwork === true,
    serviceAccount: spec.serviceAccountName ?? 'default',
    isGoing: metadata.deletionTimestamp !== undefined,
    createdAt: metadata.creationTimestamp ?? '',
    ...containersOf(object),
    ...stateOf(status),
  };
}

function containersOf(object: KubeObject): Pick<Pod, 'mainContainer' | 'containers' | 'image'> {
  const containers = (object as PodJson).spec?.containers ?? [];
  const main = object.metadata.annotations?.[defaultContainer] ?? containers[0]?.name ?? '';
  const image = containers.find(({ name }) => name === main)?.image ?? '';
  return { mainContainer: main, containers: containers.map(({ name }) => name), image };
}

function stateOf(
  status: NonNullable<PodJson['status']>,
): Pick<Pod, 'phase' | 'isReady' | 'addresses' | 'waiting' | 'restarts'> {
  const { phase = 'Unknown', conditions = [], podIPs = [] } = status;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return {
    phase,
    isReady: conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    addresses: podIPs.map(({ ip }) => ip),
    waiting: containers.map(waitingReason).find((reason) => reason !== '') ?? '',
    restarts: Math.max(0, ...containers.map(({ restartCount = 0 }) => restartCount)),
  };
}

/** Why nothing can be run in a pod; undefined when it runs. */
export function trouble(pod: Pod): string | undefined {
  if (pod.isGoing) return `pod ${pod.name} is being deleted`;
  if (pod.waiting !== '') return `pod ${pod.name} does not run: ${pod.waiting}`;
  if (pod.phase === 'Running') return undefined;
  return `pod ${pod.name} is ${pod.phase}`;
}

export function isReady({ isReady: ready, isGoing }: Pod): boolean {
  return ready && !isGoing;
}

export function labelOf({ labels }: Pod, name: string): string {
  return labels[name] ?? '';
}

function waitingReason({ name, state }: ContainerStatus): string {
  const { waiting, terminated } = state ?? {};
  const { reason, message } = waiting ?? (terminated?.reason === 'Completed' ? {} : (terminated ?? {}));
  if (reason === undefined) return '';
  return `container ${name}: ${reason}${message === undefined ? '' : `: ${message}`}`;
}
