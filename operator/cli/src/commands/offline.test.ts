import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { routerYaml, routeYaml, serviceYaml, tenantYaml } from '../../../src/testing/example.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

const peerYaml = `apiVersion: quiver.dev/v1alpha1
kind: Peer
metadata: {name: site-b}
spec: {router: site-b, waypoints: [{name: b1, address: 192.0.2.2}]}
`;

describe('quiver translate and validate', () => {
  const folder = scratchFolder();

  beforeEach(async () => {
    await mkdir(join(folder(), 'resources'));
    await write('router.yaml', routerYaml);
    await write('secret', '0123456789abcdef0123456789abcdef');
    await write('resources/web.yaml', [tenantYaml, serviceYaml, routeYaml, peerYaml].join('---\n'));
    await write('resources/.web.yaml.swp.yaml', 'not: [ours');
  });

  const write = (name: string, text: string) => writeFile(join(folder(), name), text);
  const places = () => ['-f', join(folder(), 'router.yaml'), join(folder(), 'resources')];

  it('shows the representation and the configuration of each node', async () => {
    const { code, stdout, stderr } = await runQuiver(['translate', ...places()]);
    assert.deepEqual([code, stderr], [0, '']);
    const output = parse(stdout) as {
      problems: string[];
      ir: { services: { name: string }[] };
      nodes: Record<string, { router: string }>;
    };
    assert.deepEqual(output.problems, []);
    assert.deepEqual(
      output.ir.services.map(({ name }) => name),
      ['prod/db'],
    );
    assert.equal(output.nodes['node1']?.router, 'site-a');
    const json = await runQuiver(['translate', '-o', 'json', ...places()]);
    assert.deepEqual(JSON.parse(json.stdout), output);
  });

  it('does not need the secret itself, and says so', async () => {
    const text = [routerYaml.replace('file: secret', 'file: elsewhere'), tenantYaml].join('---\n');
    const { code, stderr } = await runQuiver(['translate', '-f', '-'], { readStdin: () => Promise.resolve(text) });
    assert.equal(code, 0);
    assert.match(stderr, /elsewhere cannot be read/);
  });

  it('never prints a secret', async () => {
    const { stdout } = await runQuiver(['translate', ...places()]);
    assert.ok(!stdout.includes('0123456789abcdef0123456789abcdef'));
  });

  it('tells what is wrong with a RouterConfig, with file and line', async () => {
    await write('router.yaml', routerYaml.replace('203.0.113.11', '203.0.113.911'));
    const { code, stdout, stderr } = await runQuiver(['translate', ...places()]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /router\.yaml:6: .*nodes\[0\]\.waypoints\[0\]\.address/);
  });

  it('finds nothing wrong with good files', async () => {
    const { code, stdout, stderr } = await runQuiver(['validate', ...places()]);
    assert.deepEqual([code, stdout, stderr], [0, '', '4 objects in 2 files: 0 errors, 0 warnings\n']);
  });

  it('names file, line and field of each mistake, and fails', async () => {
    await write('resources/web.yaml', [tenantYaml, serviceYaml.replace('access:', 'acces:'), routeYaml].join('---\n'));
    const { code, stdout, stderr } = await runQuiver(['validate', ...places()]);
    assert.equal(code, 1);
    assert.match(stdout, /resources\/web\.yaml:12: Service prod\/db: spec\.acces: .*did you mean "?access/);
    assert.match(stdout, /ServiceRoute prod\/db: spec\.peers\[0\]\.name: .*\(UnknownPeer\)/);
    assert.match(stderr, /[2-9] errors/);
  });

  it('checks resources though the RouterConfig is wrong, and that one too', async () => {
    await write('router.yaml', routerYaml.replace('fabric: corp', 'fabrik: corp'));
    await write('resources/web.yaml', serviceYaml);
    const { code, stdout } = await runQuiver(['validate', ...places()]);
    assert.equal(code, 1);
    assert.match(stdout, /router\.yaml:\d+: .*fabrik.*did you mean "fabric"/);
    assert.match(stdout, /\(UnknownTenant\)/);
  });

  it('checks resources alone for a router that has room for everything', async () => {
    const text = [tenantYaml, serviceYaml, routeYaml, peerYaml].join('---\n');
    const { code, stderr } = await runQuiver(['validate', '-f', '-'], { readStdin: () => Promise.resolve(text) });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      'no RouterConfig is given: checked for a router with the usual pools\n4 objects in 1 file: 0 errors, 0 warnings\n',
    );
  });

  it('keeps the lines of a text that holds the RouterConfig in the middle', async () => {
    const wrong = serviceYaml.replace('port: 5432', 'port: 99999');
    const text = [tenantYaml, routerYaml, wrong].join('---\n');
    const expected = text.split('\n').findIndex((line) => line.includes('99999')) + 1;
    const { stdout } = await runQuiver(['validate', '-f', '-'], { readStdin: () => Promise.resolve(text) });
    assert.ok(stdout.includes(`-:${expected}: Service prod/db: `), stdout);
  });

  it('prints mistakes for programs', async () => {
    await write('resources/web.yaml', serviceYaml.replace('5432', '0'));
    const { code, stdout } = await runQuiver(['validate', '-o', 'json', ...places()]);
    const { errors, problems } = JSON.parse(stdout) as { errors: number; problems: { code: string }[] };
    assert.equal(code, 1);
    assert.equal(errors, problems.length);
  });

  it('refuses two RouterConfigs, a place that is not there, and one without files', async () => {
    await write('resources/second.yaml', routerYaml);
    assert.match((await runQuiver(['translate', ...places()])).stderr, /both hold a RouterConfig/);
    assert.equal((await runQuiver(['validate', '-f', join(folder(), 'missing')])).code, 1);
    await mkdir(join(folder(), 'empty'));
    assert.match((await runQuiver(['validate', '-f', join(folder(), 'empty')])).stderr, /no \.yaml file/);
    assert.equal((await runQuiver(['validate'])).code, 2);
  });
});
