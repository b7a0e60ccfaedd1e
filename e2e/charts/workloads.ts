import { type Manifest, pick } from './render.ts';

/** A container, as far as a test looks into it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly volumeMounts?: readonly { readonly name: string }[];
  readonly securityContext: {
    readonly privileged: boolean;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
    readonly seccompProfile: { readonly type: string };
  };
}

/** A pod's spec, as far as a test looks into it. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext: { readonly runAsNonRoot?: boolean };
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly hostNetwork?: boolean;
  readonly tolerations?: readonly { readonly key?: string }[];
  readonly volumes?: readonly { readonly name: string }[];
}

/** The pods of all workloads, with the names of their owners. */
export function podSpecs(
  manifests: readonly Manifest[],
): readonly { readonly owner: string; readonly spec: PodSpec }[] {
  return manifests.flatMap((one) => {
    const owner = `${one.kind} ${one.metadata.name}`;
    if (one.kind === 'Pod') return [{ owner, spec: one['spec'] as PodSpec }];
    if (!['Deployment', 'DaemonSet', 'Job'].includes(one.kind)) return [];
    return [{ owner, spec: (one['spec'] as { template: { spec: PodSpec } }).template.spec }];
  });
}

/** The pod of one workload. */
export function podOf(manifests: readonly Manifest[], kind: string, name: string): PodSpec {
  const [found] = podSpecs([pick(manifests, kind, name)]);
  if (found === undefined) throw new Error(`${kind} ${name} has no pod.`);
  return found.spec;
}

export function containersOf({ initContainers = [], containers }: PodSpec): readonly Container[] {
  return [...initContainers, ...containers];
}
