import assert from 'node:assert/strict';
import { StatusResponse } from '@quiver/dataplane-api';
import { samplePlugin } from '../testing/run-plugin.ts';
import { quiverObject, status } from '../testing/sample-cluster.ts';
import { scratchFolder } from '../testing/scratch.ts';

const both = ['connect', '--context', 'a', '--context', 'b'];
const waypointsOfB = [
  { name: 'b1', address: '203.0.113.1' },
  { name: 'b2', address: '203.0.113.2' },
];

describe('kubectl quiver connect', () => {
  const plugin = samplePlugin(scratchFolder());

  it('applies in each cluster the Peer of the other', async () => {
    const { a, b, run } = plugin();
    const { code, stdout, stderr } = await run(both);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(stdout, 'peer.quiver.dev/b applied in a\npeer.quiver.dev/a applied in b\n');
    assert.deepEqual(a.server.applied, [
      {
        apiVersion: 'quiver.dev/v1alpha1',
        kind: 'Peer',
        metadata: { name: 'b' },
        spec: { router: 'b', waypoints: waypointsOfB },
      },
    ]);
    assert.equal(b.server.applied[0]?.metadata.name, 'a');
    assert.ok(a.server.requests.includes('/apis/quiver.dev/v1alpha1/peers/b?fieldManager=quiver-cli'));
  });

  it('keeps the name of the Peer that is there already', async () => {
    const { a, run } = plugin();
    a.server.add(quiverObject('Peer', 'west', { spec: { router: 'b' } }));
    assert.match((await run(both)).stdout, /^peer\.quiver\.dev\/west applied in a\n/);
  });

  it('takes nothing away from others unless it is told to', async () => {
    const { a, run } = plugin();
    const message = 'Apply failed with 1 conflict: conflict with "helm": .spec.waypoints';
    a.server.refuse = (path) => (path.endsWith('/peers/b') ? { status: 409, message } : undefined);
    const { code, stderr } = await run(both);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `cluster a: ${message}\nsomebody else has set fields of Peer b; with --force-conflicts they are taken over\n`,
    );
    await run([...both, '--force-conflicts']);
    assert.ok(plugin().a.server.requests.some((path) => path.endsWith('fieldManager=quiver-cli&force=true')));
  });

  it('applies nothing when a cluster cannot be known whole, or two have one name', async () => {
    const { a, b, run } = plugin();
    b.ends.set('b2', { refusal: 500 });
    assert.match((await run(both)).stderr, /the Peer of b would lack nodes; nothing is done\n$/);
    b.ends.clear();
    for (const node of ['b1', 'b2']) b.answer(node, 'status', StatusResponse.toJSON(status('a', node)));
    assert.match((await run(both)).stderr, /^a and b are both router a; give each a name of its own/);
    assert.deepEqual(a.server.applied, []);
  });

  it('wants two clusters', async () => {
    const { code, stderr } = await plugin().run(['connect', '--context', 'a']);
    assert.deepEqual(
      { code, stderr },
      { code: 2, stderr: 'say which clusters: --context a --context b, and further ones\n' },
    );
  });
});
