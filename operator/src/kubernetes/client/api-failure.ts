import { type ErrorCode, fromUnknown, QuiverError } from '../../errors.ts';
import { isRecord } from './kube-object.ts';

/** What the answer means for whoever made the call. */
export type FailureKind =
  /** No answer: refused, cut, silent. */
  | 'Unreachable'
  /** No answer within the time for this call. */
  | 'TimedOut'
  /** An answer that cannot be read. */
  | 'Malformed'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  /** The kind itself is unknown to the API server. */
  | 'KindUnknown'
  /** The kind is known, but not a field that was sent: its definition is older than this operator. */
  | 'SchemaOutdated'
  | 'AlreadyExists'
  /** The object has changed since it was read. */
  | 'Outdated'
  /** Another field manager owns a field. */
  | 'Owned'
  /** The object of this name is another one by now. */
  | 'WrongUid'
  /** The version is forgotten: read everything anew. */
  | 'Expired'
  /** The object breaks a rule of its kind. */
  | 'Invalid'
  | 'TooManyRequests'
  | 'Refused'
  | 'ServerFailed';

export interface FailureDetails {
  readonly kind: FailureKind;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** The server's word, such as `Conflict`; empty without an answer. */
  readonly reason: string;
  /** Fields that the answer names. */
  readonly fields: readonly string[];
  /** Milliseconds for which the server wants to be left alone. */
  readonly retryAfter?: number | undefined;
}

/** A call to the API server that did not succeed. */
export class ApiFailure extends QuiverError implements FailureDetails {
  readonly kind: FailureKind;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly retryAfter: number | undefined;

  constructor(message: string, details: FailureDetails, options?: ErrorOptions) {
    super(codeOf(details.kind), message, options);
    this.name = 'ApiFailure';
    this.kind = details.kind;
    this.status = details.status;
    this.reason = details.reason;
    this.fields = details.fields;
    this.retryAfter = details.retryAfter;
  }

  get isNotFound(): boolean {
    return this.kind === 'NotFound' || this.kind === 'KindUnknown';
  }

  get isAlreadyExists(): boolean {
    return this.kind === 'AlreadyExists';
  }

  /** What was sent rests on something old: read again. */
  get isConflict(): boolean {
    return this.kind === 'Outdated' || this.kind === 'Owned' || this.kind === 'WrongUid';
  }

  get isSchemaOutdated(): boolean {
    return this.kind === 'SchemaOutdated';
  }

  /** The same call may succeed a little later. */
  get isRetryable(): boolean {
    return retryable.has(this.kind);
  }
}

const retryable: ReadonlySet<FailureKind> = new Set([
  'Unreachable',
  'TimedOut',
  'Malformed',
  'Unauthorized',
  'Expired',
  'TooManyRequests',
  'ServerFailed',
]);

const refusals: ReadonlySet<FailureKind> = new Set([
  'NotFound',
  'AlreadyExists',
  'Outdated',
  'Owned',
  'WrongUid',
  'Invalid',
  'Refused',
]);

/** What a failure without an answer is. */
export function networkFailure(caught: unknown, target: string): ApiFailure {
  if (caught instanceof ApiFailure) return caught;
  const { message } = fromUnknown(caught);
  const code = causeCode(caught);
  const told = code === undefined ? message : `${message} (${code})`;
  return new ApiFailure(`${target}: ${told}`, noAnswer('Unreachable'), { cause: caught });
}

/** What no answer in time is. */
export function timeoutFailure(target: string, milliseconds: number): ApiFailure {
  return new ApiFailure(`${target}: no answer within ${milliseconds} ms`, noAnswer('TimedOut'));
}

/** What an answer that is not JSON of the expected shape is. */
export function malformedFailure(target: string, what: string): ApiFailure {
  return new ApiFailure(`${target}: ${what}`, noAnswer('Malformed'));
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter?: string | undefined;
}

/** What an answer other than success is. */
export function answeredFailure(target: string, answer: Answer): ApiFailure {
  return statusFailure(target, { ...answer, value: parse(answer.body) });
}

/** What a `Status` object is that came as an event. */
export function eventFailure(target: string, value: unknown): ApiFailure {
  const code = isRecord(value) && typeof value['code'] === 'number' ? value['code'] : 500;
  return statusFailure(target, { status: code, body: '', value });
}

function statusFailure(target: string, answer: Answer & { value: unknown }): ApiFailure {
  const { status, body, value } = answer;
  const said = isRecord(value) ? value : {};
  const reason = typeof said['reason'] === 'string' ? said['reason'] : '';
  const message = typeof said['message'] === 'string' ? said['message'] : body.slice(0, 200);
  const causes = causesOf(said['details']);
  const kind = kindOf({ status, reason, message, causes, isNamed: namesObject(said['details']) });
  const details = { kind, status, reason, fields: causes.map(({ field }) => field).filter((field) => field !== '') };
  const retryAfter = waitOf(answer.retryAfter, said['details']);
  return new ApiFailure(`${target}: ${message.trim()} (${status})`, { ...details, retryAfter });
}

interface Seen {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly Cause[];
  /** The answer names the object that it is about. */
  readonly isNamed: boolean;
}

function kindOf({ status, reason, message, causes, isNamed }: Seen): FailureKind {
  if (status === 404) return isNamed ? 'NotFound' : 'KindUnknown';
  if (status === 409) return conflictKind(reason, message, causes);
  if (status >= 500 && message.includes('failed to create typed patch object')) return 'SchemaOutdated';
  return byStatus[status] ?? (status >= 500 ? 'ServerFailed' : 'Refused');
}

const byStatus: Readonly<Record<number, FailureKind>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
};

function conflictKind(reason: string, message: string, causes: readonly Cause[]): FailureKind {
  if (reason === 'AlreadyExists') return 'AlreadyExists';
  if (causes.some((cause) => cause.reason === 'FieldManagerConflict')) return 'Owned';
  return /uid/i.test(message) && /precondition/i.test(message) ? 'WrongUid' : 'Outdated';
}

function namesObject(details: unknown): boolean {
  return isRecord(details) && typeof details['name'] === 'string' && details['name'] !== '';
}

interface Cause {
  readonly reason: string;
  readonly field: string;
}

function causesOf(details: unknown): readonly Cause[] {
  const causes = isRecord(details) && Array.isArray(details['causes']) ? details['causes'] : [];
  return causes.filter(isRecord).map(({ reason, field }) => ({ reason: text(reason), field: text(field) }));
}

function waitOf(header: string | undefined, details: unknown): number | undefined {
  const said = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  const seconds = header === undefined ? said : Number(header);
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function noAnswer(kind: FailureKind): FailureDetails {
  return { kind, status: 0, reason: '', fields: [] };
}

function causeCode(caught: unknown): string | undefined {
  for (let at = caught, depth = 0; isRecordLike(at) && depth < 4; at = at['cause'], depth += 1) {
    if (typeof at['code'] === 'string') return at['code'];
  }
  return undefined;
}

function isRecordLike(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function codeOf(kind: FailureKind): ErrorCode {
  if (kind === 'KindUnknown') return 'SchemaMissing';
  if (kind === 'SchemaOutdated') return 'SchemaOutdated';
  return refusals.has(kind) ? 'ClusterRefused' : 'ClusterUnreachable';
}
