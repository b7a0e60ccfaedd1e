import assert from 'node:assert/strict';
import { crds, peerYaml, serviceYaml, tenantYaml } from '../testing/example.ts';
import { formatProblem } from '../translate/problem.ts';
import { collectFiles, type FileState, nextFileState, nextGenerations } from './file-state.ts';
import { parseResourceFile } from './resource-file.ts';

function read(text: string, before?: FileState, file = 'a.yaml'): FileState {
  return nextFileState(
    before,
    parseResourceFile(file, text, crds, { previous: (key) => before?.objects.get(key)?.object }),
  );
}

function namesOf(state: FileState): readonly string[] {
  return [...state.objects.keys()];
}

describe('last good state of a file', () => {
  const good = read(`${tenantYaml}---\n${serviceYaml}`);

  it('keeps every object while the file is no YAML', () => {
    const broken = read(`${tenantYaml}---\nkind: {\n`, good);
    assert.deepEqual(namesOf(broken), ['Tenant web.prod', 'Service prod/db']);
    assert.deepEqual(
      broken.problems.map(({ code }) => code),
      ['InvalidYaml'],
    );
  });

  it('keeps a broken object as it was while the others of the file move on', () => {
    const edited = `${tenantYaml.replace('10.1', '10.2')}---\n${serviceYaml.replace('5432', '543200')}`;
    const next = read(edited, good);
    assert.deepEqual(namesOf(next).toSorted(), ['Service prod/db', 'Tenant web.prod']);
    assert.equal(next.objects.get('Service prod/db')?.object, good.objects.get('Service prod/db')?.object);
    assert.notEqual(next.objects.get('Tenant web.prod')?.object, good.objects.get('Tenant web.prod')?.object);
    assert.match(
      next.problems.map(formatProblem).join('\n'),
      /a\.yaml:11: Service prod\/db: .*; Service prod\/db stays as it was \(InvalidObject\)/,
    );
  });

  it('refuses an unsupported field and keeps the object as it was', () => {
    const next = read(serviceYaml.replace('spec:', 'spec:\n  qos: {dscp: 46}'), read(serviceYaml));
    assert.deepEqual(
      next.problems.map(({ code, field }) => `${code} ${field}`),
      ['NotSupported spec.qos'],
    );
    assert.deepEqual(namesOf(next), ['Service prod/db']);
    assert.deepEqual(next.refused, []);
  });

  it('refuses a change that the definition forbids, with the state before', () => {
    const next = read(peerYaml.replace('router: site-b', 'router: site-c'), read(peerYaml));
    assert.match(next.problems.map(formatProblem).join(), /router cannot be changed/);
    const kept = next.objects.get('Peer site-b')?.object;
    assert.ok(kept?.kind === 'Peer');
    assert.equal(kept.spec.router, 'site-b');
  });

  it('lets go of an object that is no longer in a good file', () => {
    assert.deepEqual(namesOf(read(tenantYaml, good)), ['Tenant web.prod']);
  });

  it('names an object without any good state as refused', () => {
    assert.deepEqual(read(serviceYaml.replace('5432', '0')).refused, [
      { kind: 'Service', namespace: 'prod', name: 'db' },
    ]);
  });

  it('recovers when the file is mended', () => {
    const broken = read('kind: {\n', good);
    const mended = read(tenantYaml, broken);
    assert.deepEqual([namesOf(mended), mended.problems], [['Tenant web.prod'], []]);
  });
});

describe('objects of several files', () => {
  const files = new Map([
    ['b.yaml', read(tenantYaml, undefined, 'b.yaml')],
    ['a.yaml', read(`${serviceYaml}---\n${tenantYaml.replace('10.1', '10.2')}`)],
  ]);

  it('are taken once, from the file that comes first by name, and both places are told', () => {
    const { objects, problems } = collectFiles(files);
    assert.deepEqual(
      objects.map(({ object, file }) => `${object.kind} ${file}`),
      ['Service a.yaml', 'Tenant a.yaml'],
    );
    assert.deepEqual(problems.map(formatProblem), [
      'b.yaml:3: Tenant web.prod: metadata.name: Tenant web.prod is also defined at a.yaml:10, which is used; remove one of the two (DuplicateObject)',
    ]);
  });

  it('are not refused when another file has them in a good state', () => {
    const broken = read(tenantYaml.replace('10.1.0.0/24', 'lan'), undefined, 'c.yaml');
    assert.deepEqual(collectFiles(new Map([...files, ['c.yaml', broken]])).refused, []);
  });

  it('have a generation that counts their changes only', () => {
    const objects = (state: FileState) => [...state.objects.values()].map(({ object }) => object);
    const first = nextGenerations(new Map(), objects(read(`${tenantYaml}---\n${serviceYaml}`)));
    const second = nextGenerations(first, objects(read(`${tenantYaml}---\n${serviceYaml.replace('5432', '5433')}`)));
    assert.deepEqual(
      [...second].map(([name, { generation }]) => `${name} ${generation}`),
      ['Tenant web.prod 1', 'Service prod/db 2'],
    );
  });
});

describe('documents that are no objects', () => {
  it('are told one by one and the others are read', () => {
    const text = [
      '- 1',
      'kind: Tenant\nmetadata: {}\nspec: {}',
      'spec: {}',
      'apiVersion: config.quiver.dev/v1alpha1\nkind: RouterConfig',
      tenantYaml,
    ].join('\n---\n');
    const state = read(text);
    assert.deepEqual(namesOf(state), ['Tenant web.prod']);
    assert.deepEqual(
      state.problems.map(({ location, message }) => `${location?.line} ${message}`),
      [
        '1 the document is no object; it needs apiVersion, kind, metadata and spec',
        '3 metadata.name is missing; give the Tenant a name',
        '7 kind is missing; use one of Peer, ServiceRoute, Service, Tenant',
        '10 a RouterConfig is given by its own option; move it out of the resources',
      ],
    );
  });
});
