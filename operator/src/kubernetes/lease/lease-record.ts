import { isRecord, type KubeObject, type StoredObject } from '../client/kube-object.ts';
import { microTime } from '../micro-time.ts';

/** Which lease, and who wants it. */
export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export const epochAnnotation = 'quiver.dev/epoch';
export const retireAnnotation = 'quiver.dev/retire';
export const retiredAnnotation = 'quiver.dev/retired';

export type Annotations = Readonly<Record<string, string>>;

/** Seconds for which others respect a holder that says nothing. */
export const leaseSeconds = 15;

/** A lease as it was read. */
export interface LeaseRecord {
  readonly object: StoredObject;
  /** Empty: nobody. */
  readonly holder: string;
  /** Milliseconds that the holder asked for. */
  readonly duration: number;
  readonly transitions: number;
  readonly annotations: Annotations;
}

export function readLease(object: StoredObject): LeaseRecord {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  return {
    object,
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    duration: (typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : leaseSeconds) * 1000,
    transitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    annotations: object.metadata.annotations ?? {},
  };
}

/** The epoch of a new leadership: higher than that of any before, whatever the clocks say. */
export function nextEpoch(annotations: Annotations, now: number): bigint {
  const text = annotations[epochAnnotation] ?? '';
  const last = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
  const clock = BigInt(Math.max(0, Math.floor(now)));
  return last + 1n > clock ? last + 1n : clock;
}

/** A lease that was never there, held by us. */
export function newLease(
  { namespace, name }: LeaseName,
  holder: string,
  annotations: Annotations,
  now: number,
): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name, annotations },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions: 0,
    },
  };
}

/** The lease with us as a new holder. */
export function takenLease(record: LeaseRecord, holder: string, annotations: Annotations, now: number): KubeObject {
  const leaseTransitions = record.holder === holder ? record.transitions : record.transitions + 1;
  const time = microTime(now);
  const spec = { holderIdentity: holder, leaseDurationSeconds: leaseSeconds, acquireTime: time, renewTime: time };
  return changed(record, { ...spec, leaseTransitions }, annotations);
}

/** The lease held on. */
export function renewedLease(record: LeaseRecord, annotations: Annotations, now: number): KubeObject {
  return changed(record, { renewTime: microTime(now) }, annotations);
}

/** The lease given back: whoever sees it may take it at once. */
export function releasedLease(record: LeaseRecord, now: number): KubeObject {
  const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) };
  return changed(record, spec, record.annotations);
}

function changed({ object }: LeaseRecord, change: object, annotations: Annotations): KubeObject {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  return { ...object, metadata: { ...object.metadata, annotations }, spec: { ...spec, ...change } };
}
