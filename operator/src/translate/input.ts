import type { Peer } from '../api/generated/peer.gen.ts';
import type { SvrService as Service } from '../api/generated/service.gen.ts';
import type { ServiceRoute } from '../api/generated/serviceroute.gen.ts';
import type { Tenant } from '../api/generated/tenant.gen.ts';
import type { KubernetesObjects } from '../api/kubernetes-objects.ts';
import type { ObjectRef } from '../api/resources.ts';
import type { RouterConfig } from '../api/router-config.ts';
import type { Problem, ProblemReason } from './problem.ts';

/** A version of the fabric secret by its digest; the bytes stay with the source. */
export interface SecretDigest {
  readonly version: number;
  readonly secretId: string;
  /** SHA-256 of the secret, hex. */
  readonly digest: string;
}

/** Everything the translation depends on. Each object is valid by its schema and occurs once. */
export interface TranslateInput {
  readonly router: RouterConfig;
  readonly tenants: readonly Tenant[];
  readonly services: readonly Service[];
  readonly serviceRoutes: readonly ServiceRoute[];
  readonly peers: readonly Peer[];
  /** Objects that exist and were refused before, so that a reference to one can say so. */
  readonly refused: readonly ObjectRef[];
  readonly secrets: readonly SecretDigest[];
  /** Objects of the cluster that the router is in; undefined in standalone mode. */
  readonly kubernetes?: KubernetesObjects | undefined;
  /** Addresses that services have already, by full name: they stay as long as nobody fixes them and the pool holds them. */
  readonly heldAddresses?: ReadonlyMap<string, readonly string[]> | undefined;
}

interface Named {
  readonly kind: 'Tenant' | 'Service' | 'ServiceRoute' | 'Peer';
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}

export function refOf({ kind, metadata }: Named): ObjectRef {
  const { name, namespace } = metadata;
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** Makes the problems of one object. */
export function problemsOf(object: Named): (code: ProblemReason, field: string, message: string) => Problem {
  const ref = refOf(object);
  return (code, field, message) => ({ code, object: ref, field, message });
}

/** Makes the problems of the router itself. */
export function routerProblems({
  router,
}: RouterConfig): (code: ProblemReason, field: string, message: string) => Problem {
  return (code, field, message) => ({ code, object: { kind: 'RouterConfig', name: router }, field, message });
}

/** `namespace/name`; a namespaced object without a namespace is in `default`. */
export function fullName({ metadata }: Named): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
