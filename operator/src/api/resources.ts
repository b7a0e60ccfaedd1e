import type { Kind } from './generated/kinds.gen.ts';

export const configGroupVersion = 'config.quiver.dev/v1alpha1';

/** Names an object, or a file that a source could not read as one. */
export interface ObjectRef {
  readonly kind: Kind | 'RouterConfig' | 'File';
  readonly namespace?: string;
  readonly name: string;
}

/** `Kind namespace/name`, as messages name an object. */
export function describeRef(ref: ObjectRef): string {
  return `${ref.kind} ${qualifiedName(ref)}`;
}

/** `namespace/name`, or the name alone of a cluster-scoped object. */
export function qualifiedName(ref: { readonly namespace?: string | undefined; readonly name: string }): string {
  return ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
}
