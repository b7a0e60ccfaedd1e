import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@quiver/dataplane-api';
import { parse } from 'yaml';
import { QuiverError } from '../errors.ts';
import { project } from '../project/node-config.ts';
import { objectsOf } from '../source/snapshot.ts';
import { exampleSnapshot, peerYaml, serviceYaml, tenantYaml } from '../testing/example.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { translate } from '../translate/index.ts';
import { StatusFile } from './status-file.ts';
import { StatusPrinter, statusChanges } from './status-printer.ts';
import { makeStatus, type NodeKnowledge, type StatusReport } from './status-report.ts';
import { allOf } from './status-sink.ts';

const target = `apiVersion: quiver.dev/v1alpha1
kind: ServiceRoute
metadata: {name: near, namespace: prod}
spec:
  service: db
  targets: [{address: 10.1.0.10, port: 5432}, {address: 10.1.0.11}]
`;
const snapshot = exampleSnapshot([tenantYaml, serviceYaml, target, peerYaml].join('---\n'));
const { ir, problems } = translate(snapshot);
const wanted = project(ir, 'node1')?.config;
assert.ok(wanted !== undefined);

const report: Report = {
  services: [{ service: 'prod/db', sessions: 4n }],
  targets: [{ route: 'prod/near', address: '10.1.0.10', port: 5432, healthy: false, sessions: 3n }],
  paths: [
    {
      router: 'site-b',
      node: 'node1',
      localAddress: '203.0.113.11',
      remoteAddress: '203.0.113.21',
      state: 'Up',
      sessions: 1n,
      clockOffsetMs: 0n,
      mtu: 1500,
    },
  ],
  sessions: 4n,
};

const knowledge: NodeKnowledge = {
  node: 'node1',
  wanted,
  acknowledged: wanted,
  rejected: [],
  isConnected: true,
  paths: report.paths,
  version: 1n,
  report,
};

function status(
  node: Partial<NodeKnowledge> = {},
  previous?: StatusReport,
  now = '2026-01-01T00:00:00Z',
): StatusReport {
  return makeStatus({ ir, objects: objectsOf(snapshot), problems, nodes: [{ ...knowledge, ...node }], previous, now });
}

function statusOf(all: StatusReport, kind: string) {
  const found = all.objects.find((object) => object.kind === kind);
  assert.ok(found !== undefined);
  const { conditions, ...rest } = found.status;
  return { rest, ready: conditions.find(({ type }) => type === 'Ready') };
}

describe('status of everything', () => {
  it('holds what the nodes report about each object', () => {
    const all = status();
    assert.deepEqual(statusOf(all, 'Tenant').rest, { observedGeneration: 1, members: 1 });
    const [address, six] = statusOf(all, 'Service').rest.addresses ?? [];
    assert.match(address ?? '', /^198\.18\.\d+\.\d+$/);
    assert.match(six ?? '', /^fd71:[0-9a-f:]+$/);
    assert.deepEqual(statusOf(all, 'Service').rest, {
      observedGeneration: 1,
      address,
      addresses: [address, six],
      sessions: 4,
      routes: 1,
    });
    assert.deepEqual(statusOf(all, 'ServiceRoute').rest.targets, [
      { address: '10.1.0.10', port: 5432, healthy: false, sessions: 3 },
      { address: '10.1.0.11', healthy: true, sessions: 0 },
    ]);
    assert.deepEqual(statusOf(all, 'Peer').rest.paths, [
      { local: '203.0.113.11', remote: '203.0.113.21', state: 'Up', mtu: 1500, sessions: 1 },
    ]);
  });

  it('tells whether each node runs what it shall', () => {
    const state = (node: Partial<NodeKnowledge>) => status(node).nodes.map((one) => one.state);
    assert.deepEqual(state({}), ['Current']);
    assert.deepEqual(state({ acknowledged: undefined }), ['Pending']);
    assert.deepEqual(state({ rejected: [{ code: 'x', field: '', message: '' }] }), ['Rejected']);
    assert.equal(status({ report: undefined }).nodes[0]?.sessions, 0);
  });

  it('is equal at a later time when nothing changed', () => {
    const first = status();
    assert.deepEqual(status({}, first, '2027-01-01T00:00:00Z'), first);
  });

  it('moves the transition time of what changed only', () => {
    const later = status({ acknowledged: undefined }, status(), '2027-01-01T00:00:00Z');
    assert.equal(statusOf(later, 'Service').ready?.lastTransitionTime, '2027-01-01T00:00:00Z');
    const accepted = later.objects[0]?.status.conditions.find(({ type }) => type === 'Accepted');
    assert.equal(accepted?.lastTransitionTime, '2026-01-01T00:00:00Z');
  });
});

describe('printed changes of the status', () => {
  const problem = {
    code: 'NoRoute',
    object: { kind: 'Service', namespace: 'prod', name: 'db' },
    field: '',
    message: 'no way',
  } as const;

  it('name every object and node at first, and only what is new then', async () => {
    const lines: string[] = [];
    const printer = new StatusPrinter((line) => lines.push(line));
    await printer.write(status({ acknowledged: undefined }));
    assert.deepEqual(lines.slice(0, 2), [
      'Node node1: connected, configuration Pending',
      'Tenant web.prod: Ready=Unknown (Pending: node node1 has not answered yet)',
    ]);
    lines.length = 0;
    await printer.write(status());
    assert.deepEqual(lines, [
      'Node node1: connected, configuration Current',
      'Tenant web.prod: Ready=True',
      'Service prod/db: Ready=True',
      'ServiceRoute prod/near: Ready=True',
      'Peer site-b: Ready=True',
    ]);
    lines.length = 0;
    await printer.write(status());
    assert.deepEqual(lines, []);
  });

  it('tell problems when they appear and when they are solved', () => {
    const [before, after] = [status(), { ...status(), problems: [problem] }];
    assert.deepEqual(statusChanges(before, after), ['Service prod/db: no way (NoRoute)']);
    assert.deepEqual(statusChanges(after, before), ['solved: Service prod/db: no way (NoRoute)']);
  });

  it('tell objects that are removed and nodes that go', () => {
    const before = status();
    assert.deepEqual(statusChanges(before, { ...before, objects: before.objects.slice(0, 3) }), [
      'Peer site-b: removed',
    ]);
    assert.deepEqual(statusChanges(before, status({ isConnected: false })), ['Node node1: not connected']);
  });
});

describe('status file', () => {
  it('is whole at every moment, as YAML or JSON by its name, and goes in the end', async () => {
    const folder = temporaryFolder();
    const [yaml, json] = [join(folder.path, 'run/status.yaml'), join(folder.path, 'run/status.json')];
    const files = [new StatusFile(yaml), new StatusFile(json)];
    await allOf(files).write(status());
    assert.deepEqual(readdirSync(join(folder.path, 'run')).sort(), ['status.json', 'status.yaml']);
    assert.deepEqual(parse(readFileSync(yaml, 'utf8')), JSON.parse(readFileSync(json, 'utf8')));
    for (const file of files) await file.remove();
    assert.equal(existsSync(yaml), false);
    folder.remove();
  });

  it('fails with a code when it cannot be written', async () => {
    const folder = temporaryFolder();
    folder.write('file', '');
    const write = new StatusFile(join(folder.path, 'file/status.yaml')).write(status());
    await assert.rejects(write, (error) => error instanceof QuiverError && error.code === 'StatusUnwritable');
    folder.remove();
  });
});
