import assert from 'node:assert/strict';
import { type HelmVersion, Release } from '../charts/release.ts';
import { ApiServerAlone } from '../cluster/api-server-alone.ts';
import { ensureBinaries } from '../cluster/binaries/build.ts';
import { tenant } from '../scenarios/support/objects.ts';
import { clusterCache } from '../setup/e2e-lab.ts';
import { kubernetesTools } from '../tools/helm.ts';

const VERSIONS: readonly HelmVersion[] = ['helm3', 'helm4'];
const OTHER: Readonly<Record<HelmVersion, HelmVersion>> = { helm3: 'helm4', helm4: 'helm3' };
const FILLED = { 'tls.crt': 'YQ==', 'tls.key': 'Yg==' };
const SECRET = { value: 'another-secret-of-32-characters-or-more' };

type Stored = Readonly<Record<string, unknown>> & { readonly data?: object };

/** Does what the operator does with its authority: it reads, and replaces the whole object. */
async function fillAuthority(release: Release): Promise<void> {
  const manager = 'quiver-operator';
  await release.replace({ ...(await stored(release, 'secret')), data: FILLED }, manager);
  await release.replace({ ...(await stored(release, 'configmap')), data: { 'ca.crt': 'x' } }, manager);
}

async function stored(release: Release, kind: string): Promise<Stored> {
  return JSON.parse(await release.kubectl('get', kind, 'quiver-authority', '-o', 'json')) as Stored;
}

async function assertFilled(release: Release, when: string): Promise<void> {
  assert.deepEqual((await stored(release, 'secret')).data, FILLED, when);
  assert.deepEqual((await stored(release, 'configmap')).data, { 'ca.crt': 'x' }, when);
}

async function kept(release: Release): Promise<string[]> {
  const kinds = 'deploy,ds,svc,secret,cm,sa,role,rolebinding,job,pdb,netpol';
  const selector = ['-l', 'app.kubernetes.io/instance=quiver', '-o', 'name'];
  const inNamespace = await release.kubectl('get', kinds, ...selector);
  const inCluster = await release.kubectl('get', 'clusterrole,clusterrolebinding,crd', ...selector);
  return `${inNamespace}${inCluster}`.split('\n').filter((line) => line !== '');
}

describe('the chart in a real API server', function () {
  this.timeout(300_000);
  let server: ApiServerAlone;
  let open: (namespace: string) => Release;
  const releases: Release[] = [];

  before(async () => {
    server = await ApiServerAlone.start(await ensureBinaries(clusterCache, () => undefined));
    const tools = await kubernetesTools();
    open = (namespace) => {
      const release = new Release({ kubeconfig: server.kubeconfig, tools }, namespace);
      releases.push(release);
      return release;
    };
  });
  after(async () => {
    for (const release of releases) release.close();
    await server?.close();
  });

  for (const version of VERSIONS) {
    it(`is installed by ${version}, and an object made at once says that it waits for the operator`, async () => {
      const release = open(version);
      const notes = await release.install(version, {}, '--take-ownership');
      assert.match(notes, /Router "a" of the fabric "acme" is being installed in the namespace helm/);
      await release.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
      await release.apply(tenant('office', [{ cidrs: ['192.0.2.0/24'] }]));
      const reasons = await release.kubectl('get', 'qtenant', '-o', 'jsonpath={.items[*].status.conditions[*].reason}');
      assert.equal(reasons, 'Pending');
    });

    it(`is upgraded and rolled back by ${version} and its other major, and never empties what the operator has filled`, async () => {
      const release = open(version);
      await fillAuthority(release);
      await release.upgrade(version, { routerConfig: { rejection: 'Silent' } });
      await assertFilled(release, 'after an upgrade');
      await release.upgrade(version, { commonLabels: { team: 'net' }, fabricSecret: SECRET });
      await assertFilled(release, 'after an upgrade that changes its labels');
      await release.rollback(version, 1);
      await assertFilled(release, 'after a rollback');
      await release.upgrade(OTHER[version], { logLevel: 'debug' });
      await assertFilled(release, `after an upgrade by ${OTHER[version]}`);
      await release.upgrade('helm4', { logLevel: 'warn' }, '--server-side=true');
      await assertFilled(release, 'after a server-side apply');
      await release.upgrade('helm4', { logLevel: 'error' }, '--server-side=true', '--force-conflicts');
      await assertFilled(release, 'after a server-side apply that wins every conflict');
    });

    it(`is uninstalled by ${version}, and leaves definitions and objects for an installation elsewhere`, async () => {
      const release = open(version);
      const before = await release.kubectl('get', 'qtenant', '-o', 'name');
      await release.uninstall(version, '--no-hooks');
      const definitions = ['peers', 'serviceroutes', 'services', 'tenants'];
      assert.deepEqual(
        await kept(release),
        definitions.map((plural) => `customresourcedefinition.apiextensions.k8s.io/${plural}.quiver.dev`),
      );
      const elsewhere = open(`${version}-again`);
      await elsewhere.install(version, {}, '--take-ownership');
      assert.equal(await elsewhere.kubectl('get', 'qtenant', '-o', 'name'), before);
      await elsewhere.uninstall(version, '--no-hooks');
    });
  }

  it('grants the operator what it needs by name, and no look at other Secrets', async () => {
    const release = open('rights');
    await release.install('helm4', {}, '--take-ownership');
    const can = async (account: string, ...what: readonly string[]): Promise<string> => {
      const as = `system:serviceaccount:rights:quiver-${account}`;
      return (await release.tryKubectl('auth', 'can-i', ...what, '--as', as)).stdout.trim();
    };
    assert.equal(await can('operator', 'update', 'secrets/quiver-authority'), 'yes');
    assert.equal(await can('operator', 'patch', 'services.quiver.dev/any', '--subresource=status'), 'yes');
    assert.equal(await can('operator', 'create', 'tokenreviews.authentication.k8s.io'), 'yes');
    for (const refused of [
      ['get', 'secrets/quiver-fabric-secret'],
      ['list', 'secrets'],
      ['update', 'services.quiver.dev'],
      ['patch', 'nodes'],
      ['create', 'pods'],
    ]) {
      assert.equal(await can('operator', ...refused), 'no', refused.join(' '));
    }
    assert.equal(await can('agent', 'list', 'pods'), 'no');
  });

  it('takes the definitions away on uninstall when it is told not to keep them', async () => {
    const release = open('rights');
    await release.upgrade('helm4', { crds: { keep: false } });
    await release.uninstall('helm4', '--no-hooks');
    const { items } = JSON.parse(await release.kubectl('get', 'crd', '-o', 'json')) as {
      items: { metadata: { name: string; deletionTimestamp?: string } }[];
    };
    // The server takes its time to empty them.
    const left = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    assert.deepEqual(left, []);
  });
});
