import assert from 'node:assert/strict';
import { Explanation } from '@quiver/dataplane-api';
import { samplePlugin } from '../testing/run-plugin.ts';
import { peerB, pod, quiverObject } from '../testing/sample-cluster.ts';
import { sampleSession } from '../testing/sample-session.ts';
import { scratchFolder } from '../testing/scratch.ts';

const forwarded = Explanation.fromPartial({
  verdict: 'Forwarded',
  steps: [
    { step: 'tenant', passed: true, detail: '10.244.1.4 belongs to tenant web.prod' },
    { step: 'path', passed: true, detail: '192.0.2.1 to 203.0.113.1 (b/b1), Up' },
  ],
  session: sampleSession(),
});
const denied = Explanation.fromPartial({
  verdict: 'Denied',
  reason: 'access_denied',
  steps: [{ step: 'access', passed: false, detail: 'no entry of prod/db admits tenant web.prod' }],
});

const database = {
  spec: { ports: [{ protocol: 'TCP', port: 5432 }], access: [{ tenant: 'prod', action: 'Allow' }] },
  status: { address: '198.18.0.17', addresses: ['198.18.0.17/32', 'fd71::17/128'] },
};
const overB = { spec: { service: 'db', peers: [{ name: 'b', cost: 0 }] } };

describe('kubectl quiver explain', () => {
  const plugin = samplePlugin(scratchFolder());
  const question = ['explain', '--from', 'prod/web-0', '--to', 'db:5432'];

  beforeEach(() => {
    const { a } = plugin();
    a.server.add(pod('web-0', 'a2'), peerB());
    a.server.add(quiverObject('Service', 'prod/db', database), quiverObject('ServiceRoute', 'prod/db', overB));
    a.answer('a2', 'explain', Explanation.toJSON(forwarded));
  });

  it("goes from the pod to the path, and asks the engine of the pod's node", async () => {
    const { a, run } = plugin();
    const { code, stdout, stderr } = await run(question);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(
      stdout,
      `1. pod       ok        pod prod/web-0 runs on a2 as 10.244.1.4
2. node      ok        the agent of a2 is asked, from the tables in force
3. address   ok        prod/db has 198.18.0.17 and is ready
4. port      ok        TCP/5432; the service offers TCP/5432
5. tenant    ok        10.244.1.4 belongs to tenant web.prod
6. path      ok        192.0.2.1 to 203.0.113.1 (b/b1), Up
Forwarded
Session 6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f carries it now (Established, Clear).
`,
    );
    assert.deepEqual(a.asked('a2'), ['explain --from 10.244.1.4 --to 198.18.0.17:5432 --protocol tcp']);
  });

  it('takes every name by which a service is dialled, and the only port', async () => {
    const { a, run } = plugin();
    for (const name of ['db', 'prod/db', 'db.prod', 'db.prod.svc', 'db.prod.svc.cluster.local:5432'])
      assert.equal((await run(['explain', '--from', 'prod/web-0', '--to', name])).code, 0, name);
    assert.deepEqual([...new Set(a.asked('a2'))], ['explain --from 10.244.1.4 --to 198.18.0.17:5432 --protocol tcp']);
  });

  it('fails with the decision that refuses, and with what is wrong with the objects', async () => {
    const { a, run } = plugin();
    a.answer('a2', 'explain', Explanation.toJSON(denied));
    a.server.add(
      quiverObject('Tenant', 'web.prod', { ready: ['False', 'TenantOverlap', 'another tenant claims the pod'] }),
      quiverObject('Tenant', 'prod'),
    );
    const { code, stdout } = await run(question);
    assert.equal(code, 1);
    assert.equal(
      stdout.slice(stdout.indexOf('5.')),
      `5. access    refused   no entry of prod/db admits tenant web.prod
Denied: access_denied
No Tenant selects pod prod/web-0 (labels none; labels of its namespace none; service account default).
Tenant web.prod is not ready (TenantOverlap): another tenant claims the pod.
`,
    );
  });

  it('says which tenants select the pod, when the engine refuses', async () => {
    const { a, run } = plugin();
    a.answer('a2', 'explain', Explanation.toJSON(denied));
    a.server.change('web-0', (object) => ({ ...object, metadata: { ...object.metadata, labels: { app: 'web' } } }));
    a.server.add({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prod', labels: { env: 'prod' } } });
    const namespaceSelector = { matchLabels: { env: 'prod' } };
    const member = (app: string) => ({
      spec: { members: [{ namespaceSelector, podSelector: { matchLabels: { app } } }] },
    });
    a.server.add(quiverObject('Tenant', 'shop', member('shop')));
    const last = async () => (await run(question)).stdout.trim().split('\n').at(-1);
    assert.equal(
      await last(),
      'No Tenant selects pod prod/web-0 (labels app=web; labels of its namespace env=prod; service account default).',
    );
    a.server.add(quiverObject('Tenant', 'web', member('web')));
    assert.equal(await last(), 'By the objects pod prod/web-0 belongs to web.');
  });

  it('ends where something is missing, with what to do', async () => {
    const { a, run } = plugin();
    a.server.add(
      pod('new-0', ''),
      pod('far-0', 'a9'),
      quiverObject('Service', 'prod/bare', { ready: ['False', 'PoolExhausted', 'no address is free'] }),
    );
    const last = async (from: string, to: string) => {
      const { code, stdout } = await run(['explain', '--from', `prod/${from}`, '--to', to]);
      const lines = stdout.split('\n').filter((line) => line.includes('refused'));
      return [code, ...lines.map((line) => line.replace(/^\d\. (\w+) +refused +/, '$1: '))];
    };
    assert.deepEqual(await last('none', 'db'), [1, 'pod: there is no pod prod/none']);
    assert.deepEqual(await last('new-0', 'db'), [
      1,
      'pod: pod prod/new-0 is not scheduled yet: kubectl describe pod says why',
    ]);
    assert.deepEqual(await last('far-0', 'db'), [
      1,
      "node: no agent runs on a9; let the DaemonSet's tolerations and node selector admit it",
    ]);
    assert.deepEqual(await last('web-0', 'other'), [
      1,
      'address: prod/other is no Quiver Service here (kubectl get qsvc -A shows all); is it made at the other cluster only?',
    ]);
    assert.deepEqual(await last('web-0', 'bare'), [
      1,
      'address: prod/bare has no address: Ready is False, PoolExhausted: no address is free',
    ]);
  });

  it('asks for the port where there are several', async () => {
    const { a, run } = plugin();
    const ports = [
      { protocol: 'TCP', port: 80 },
      { protocol: 'UDP', port: 10_000, endPort: 20_000 },
    ];
    a.server.add(quiverObject('Service', 'prod/call', { spec: { ports }, status: { address: '198.18.0.18' } }));
    const { stdout } = await run(['explain', '--from', 'prod/web-0', '--to', 'call']);
    assert.match(stdout, /4\. port +refused +say which port, --to SERVICE:PORT; it offers TCP\/80, UDP\/10000-20000/);
    await run(['explain', '--from', 'prod/web-0', '--to', 'call:15000']);
    assert.deepEqual(a.asked('a2'), ['explain --from 10.244.1.4 --to 198.18.0.18:15000 --protocol udp']);
  });

  it('looks at the other end, too, when its cluster is named', async () => {
    const { b, run } = plugin();
    const ask = () => run([...question, '--context', 'a', '--context', 'b']);
    assert.match((await ask()).stdout, /7\. b +refused +there is no Quiver Service prod\/db; apply it there, too/);
    b.server.add(quiverObject('Service', 'prod/db', database));
    assert.match((await ask()).stdout, /7\. b +refused +no route there has endpoints or targets for prod\/db/);
    b.server.add(
      quiverObject('ServiceRoute', 'prod/local', { spec: { service: 'db', endpoints: { service: 'pg', port: 5432 } } }),
    );
    const { code, stdout } = await ask();
    assert.equal(code, 0);
    assert.match(stdout, /7\. b +ok +router b serves prod\/db by route local/);
  });

  it('refuses names that are none', async () => {
    const wrong = async (...args: string[]) => (await plugin().run(['explain', ...args])).stderr;
    assert.match(await wrong('--from', 'web-0', '--to', 'db'), /^--from web-0: write NAMESPACE\/POD/);
    assert.match(await wrong('--from', 'prod/web-0', '--to', '198.18.0.17:80'), /^--to 198\.18\.0\.17:80: write/);
    assert.match(await wrong('--from', 'prod/web-0', '--to', 'db:99999'), /^--to db:99999: write/);
  });
});
