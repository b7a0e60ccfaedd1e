import type { ApiClient, CallOptions } from './api-client.ts';
import { isRecord } from './kube-object.ts';

/** The pod that a bound service-account token was made for. */
export interface TokenIdentity {
  /** `system:serviceaccount:namespace:name`. */
  readonly username: string;
  readonly podName: string;
  readonly podUid: string;
  readonly nodeName: string;
  readonly nodeUid: string;
  /** Tells tokens of one pod apart. */
  readonly credentialId: string;
}

const prefix = 'authentication.kubernetes.io/';

/**
 * Asks the API server whose token it is. `error`: it is nobody's, not for this audience, or not bound to a pod and a
 * node, in words without the token. Rejects with an `ApiFailure` when there is no answer.
 */
export async function reviewToken(
  client: ApiClient,
  token: string,
  audience: string,
  options: CallOptions = {},
): Promise<TokenIdentity | { readonly error: string }> {
  const spec = { token, audiences: [audience] };
  const question = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
  const { status } = await client.ask(question, options);
  if (!isRecord(status)) return { error: 'the API server gave no answer about the token' };
  const { authenticated, error, audiences, user } = status;
  if (authenticated !== true) {
    return { error: typeof error === 'string' && error !== '' ? error : 'the token is not valid' };
  }
  // A server that knows no audiences accepts the token for itself.
  if (!Array.isArray(audiences) || !audiences.includes(audience)) {
    return { error: `the token is not for audience ${audience}` };
  }
  return identityOf(user);
}

function identityOf(user: unknown): TokenIdentity | { readonly error: string } {
  if (!isRecord(user) || typeof user['username'] !== 'string') return { error: 'the token has no user' };
  const identity = {
    username: user['username'],
    podName: extra(user, 'pod-name'),
    podUid: extra(user, 'pod-uid'),
    nodeName: extra(user, 'node-name'),
    nodeUid: extra(user, 'node-uid'),
    credentialId: extra(user, 'credential-id'),
  };
  if (identity.podUid === '') return { error: 'the token is not bound to a pod' };
  if (identity.nodeName === '') return { error: 'the token is not bound to a node' };
  return identity;
}

function extra(user: Record<string, unknown>, name: string): string {
  const values = isRecord(user['extra']) ? user['extra'][`${prefix}${name}`] : undefined;
  return Array.isArray(values) && typeof values[0] === 'string' ? values[0] : '';
}
