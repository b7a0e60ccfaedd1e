import { z } from 'zod';

/** What a container runtime told of one interface of a pod. */
export const bindingSchema = z.object({
  containerId: z.string().min(1),
  interface: z.string().min(1),
  /** Of the pod; empty when the runtime did not say. */
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** In canonical form. */
  addresses: z.array(z.string()).readonly(),
  /** Grows with each one: of two with the same address, the newer has it. */
  order: z.number().int().nonnegative(),
  /** The interface is gone; remembered so that the API server's late word does not bring its addresses back. */
  isEnded: z.boolean(),
});

export type Binding = Readonly<z.infer<typeof bindingSchema>>;

/** Who a pod is, as a container runtime says it. */
export type PodName = Pick<Binding, 'uid' | 'namespace' | 'name'>;

/** One interface of one container. */
export type Attachment = Pick<Binding, 'containerId' | 'interface'>;

/**
 * Whether both speak of the same pod: what both sides know of it has to be equal. A runtime that gives no uid is taken by
 * its names alone.
 */
export function isSamePod(one: PodName, other: PodName): boolean {
  const isNamed = one.name !== '' && other.name !== '';
  if (isNamed && (one.name !== other.name || one.namespace !== other.namespace)) return false;
  return one.uid !== '' && other.uid !== '' ? one.uid === other.uid : isNamed;
}
