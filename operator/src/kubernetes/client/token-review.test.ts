import assert from 'node:assert/strict';
import { type FakeCluster, fakeCluster } from '../testing/fake-cluster.ts';
import { reviewToken } from './token-review.ts';

const audience = 'quiver.dev/operator';
const bound = {
  'authentication.kubernetes.io/pod-name': ['quiver-agent-x'],
  'authentication.kubernetes.io/pod-uid': ['p1'],
  'authentication.kubernetes.io/node-name': ['node1'],
  'authentication.kubernetes.io/node-uid': ['n1'],
  'authentication.kubernetes.io/credential-id': ['JTI=1'],
};
const username = 'system:serviceaccount:quiver-system:quiver-agent';

describe('review of a token', () => {
  let cluster: FakeCluster;

  before(async () => {
    cluster = await fakeCluster();
    const { tokens } = cluster.server;
    const answer = (extra: object, audiences = [audience]) => ({
      authenticated: true,
      audiences,
      user: { username, extra },
    });
    tokens.set('good', answer(bound));
    tokens.set('other audience', answer(bound, ['https://kubernetes.default.svc']));
    tokens.set('no audience', { ...answer(bound), audiences: undefined });
    tokens.set('no pod', answer({ ...bound, 'authentication.kubernetes.io/pod-uid': undefined }));
    tokens.set('no node', answer({ ...bound, 'authentication.kubernetes.io/node-name': undefined }));
    tokens.set('no user', { authenticated: true, audiences: [audience] });
    tokens.set('deleted', { authenticated: false, error: 'service account token has been invalidated' });
    tokens.set('silent', {});
  });

  after(() => cluster.close());

  it('tells the pod and the node that the token is bound to', async () => {
    assert.deepEqual(await reviewToken(cluster.client, 'good', audience), {
      username,
      podName: 'quiver-agent-x',
      podUid: 'p1',
      nodeName: 'node1',
      nodeUid: 'n1',
      credentialId: 'JTI=1',
    });
    assert.deepEqual(cluster.server.calls[0]?.body, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'good', audiences: [audience] },
    });
  });

  for (const [token, error] of [
    ['unknown', 'invalid bearer token'],
    ['other audience', 'the token is not for audience quiver.dev/operator'],
    ['no audience', 'the token is not for audience quiver.dev/operator'],
    ['no pod', 'the token is not bound to a pod'],
    ['no node', 'the token is not bound to a node'],
    ['no user', 'the token has no user'],
    ['deleted', 'service account token has been invalidated'],
    ['silent', 'the token is not valid'],
  ] as const) {
    it(`refuses a token: ${token}`, async () => {
      assert.deepEqual(await reviewToken(cluster.client, token, audience), { error });
    });
  }
});
