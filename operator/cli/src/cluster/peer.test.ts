import assert from 'node:assert/strict';
import { loadCrds, validateObject } from '@quiver/operator';
import { parse } from 'yaml';
import { samplePlugin } from '../testing/run-plugin.ts';
import { facts } from '../testing/sample-cluster.ts';
import { scratchFolder } from '../testing/scratch.ts';

describe('kubectl quiver peer', () => {
  const plugin = samplePlugin(scratchFolder());

  it('prints the cluster as the object that another one needs', async () => {
    const { code, stdout } = await plugin().run(['peer', '--context', 'b']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `apiVersion: quiver.dev/v1alpha1
kind: Peer
metadata:
  name: b
spec:
  router: b
  waypoints:
    - name: b1
      address: 203.0.113.1
    - name: b2
      address: 203.0.113.2
`,
    );
    const crd = loadCrds().get('Peer');
    assert.ok(crd !== undefined);
    assert.deepEqual(validateObject(crd, parse(stdout) as never), []);
  });

  it('names the node of every further waypoint, since keys belong to it', async () => {
    const { b, run } = plugin();
    const own = facts('203.0.113.1');
    b.answer('b1', 'facts', { ...own, config: { ...own.config, waypoints: ['203.0.113.1', '2001:db8::1'] } });
    const { stdout } = await run(['peer', '--context', 'b', '--name', 'west', '-o', 'json']);
    const { metadata, spec } = JSON.parse(stdout) as { metadata: { name: string }; spec: { waypoints: unknown[] } };
    assert.equal(metadata.name, 'west');
    assert.deepEqual(spec.waypoints[1], { name: 'b1-1', node: 'b1', address: '2001:db8::1' });
  });

  it('takes other addresses of the nodes where it is told to', async () => {
    const { stdout } = await plugin().run(['peer', '--waypoint-address', 'ExternalIP', '-o', 'json']);
    const { spec } = JSON.parse(stdout) as { spec: { waypoints: unknown } };
    assert.deepEqual(spec.waypoints, [
      { name: 'a1', address: '198.51.100.1' },
      { name: 'a2', address: '198.51.100.2' },
    ]);
    const { code, stderr } = await plugin().run(['peer', '--waypoint-address', 'Annotation']);
    assert.deepEqual(
      { code, stderr },
      { code: 1, stderr: 'node a1 has no Annotation; choose another --waypoint-address\n' },
    );
  });

  it('prints nothing rather than a part', async () => {
    const { a, run } = plugin();
    a.ends.set('a2', { refusal: 500 });
    const { code, stdout, stderr } = await run(['peer']);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /^node a2: .*\nthe Peer of a would lack nodes; nothing is done\n$/);
  });

  it('says which node has no waypoint yet', async () => {
    const { a, run } = plugin();
    a.answer('a1', 'facts', { ...facts('192.0.2.1'), config: undefined });
    const { stderr } = await run(['peer']);
    assert.equal(stderr, 'node a1 has no waypoint yet: kubectl quiver status says why\n');
  });
});
