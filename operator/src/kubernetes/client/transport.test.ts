import assert from 'node:assert/strict';
import { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '../../clock.ts';
import { type Pem, TestAuthority } from '../../testing/certificates.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts';
import { resourceTypes } from '../resource-type.ts';
import { FakeApiServer } from '../testing/fake-api-server.ts';
import { settled } from '../testing/fake-cluster.ts';
import { ApiClient } from './api-client.ts';
import { ApiFailure } from './api-failure.ts';
import { loadKubeConfig } from './kube-config.ts';
import { KubeConfigTransport } from './transport.ts';

const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'quiver-system', name: 'l' };

describe('transport by a kubeconfig', () => {
  let folder: TemporaryFolder;
  let authority: TestAuthority;
  let certificate: Pem;
  let server: FakeApiServer;
  let transport: KubeConfigTransport | undefined;

  before(async () => {
    authority = await TestAuthority.create('api');
    certificate = await authority.issue([{ type: 'ip', value: '127.0.0.1' }]);
  });

  beforeEach(async () => {
    folder = temporaryFolder();
    server = await FakeApiServer.start({ tls: certificate });
    folder.write('ca.crt', authority.pem);
    folder.write('token', 'secret-token');
  });

  afterEach(async () => {
    await transport?.close();
    await server.close();
    folder.remove();
  });

  function client(): ApiClient {
    const kubeconfig = folder.write(
      'config',
      `apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "${server.url}", certificate-authority: ca.crt}}]
users: [{name: test, user: {auth-provider: {name: tokenFile, config: {tokenFile: ${folder.path}/token}}}}]
`,
    );
    transport = new KubeConfigTransport(loadKubeConfig(kubeconfig));
    return new ApiClient({ transport, clock: systemClock(), namespace: 'quiver-system' });
  }

  it('calls with the token and few connections', async () => {
    const one = client();
    for (let count = 0; count < 30; count += 1) await one.get(lease);
    assert.ok(server.connections <= 2, `${server.connections} connections`);
    assert.equal(server.calls[0]?.headers.authorization, 'Bearer secret-token');
    assert.equal(server.calls[0]?.headers['user-agent'], 'quiver-operator');
  });

  it('begins a watch for each of many kinds at once', async () => {
    const one = client();
    const types = [resourceTypes.tenant, resourceTypes.pod, resourceTypes.node, resourceTypes.peer];
    const open = await Promise.all([...types, ...types, ...types].map((type) => one.watch(type, {})));
    assert.equal(server.watches.size, 12);
    assert.equal(await one.get(lease), undefined);
    for (const watch of open) watch.close();
    await settled('the watches are gone', () => server.watches.size === 0);
  });

  it('notices a new authority, without a restart', async () => {
    const one = client();
    await one.get(lease);
    const other = await TestAuthority.create('other');
    folder.write('ca.crt', other.pem);
    const refused: unknown = await one.get(lease).catch((caught: unknown) => caught);
    assert.ok(refused instanceof ApiFailure);
    assert.equal(refused.kind, 'Unreachable');
    folder.write('ca.crt', `${other.pem}\n${authority.pem}`);
    assert.equal(await one.get(lease), undefined);
  });

  it('gives up what is idle after a silence, and calls again over a new connection', async () => {
    const one = client();
    await one.get(lease);
    const { connections } = server;
    server.silence();
    const late: unknown = await one.get(lease, { limit: 50 }).catch((caught: unknown) => caught);
    assert.ok(late instanceof ApiFailure);
    assert.equal(late.kind, 'TimedOut');
    server.wake();
    assert.equal(await one.get(lease), undefined);
    assert.ok(server.connections > connections);
  });

  it('says what is missing', () => {
    assert.throws(() => loadKubeConfig(`${folder.path}/none`), /none: ENOENT/);
    assert.throws(() => loadKubeConfig(folder.write('empty', 'apiVersion: v1\nkind: Config\n')), /has no cluster/);
    assert.throws(() => loadKubeConfig(undefined), /set KUBECONFIG, or run in a pod/);
    assert.throws(() => new KubeConfigTransport(new KubeConfig()), /no current context/);
  });
});
