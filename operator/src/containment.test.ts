import assert from 'node:assert/strict';
import { Containment } from './containment.ts';
import type { Snapshot } from './source/resource-source.ts';
import { exampleSnapshot, tenantYaml } from './testing/example.ts';

function tenants(count: number): Snapshot {
  const yaml = Array.from({ length: count }, (_, index) => tenantYaml.replace('web.prod', `t${index}`));
  return exampleSnapshot(yaml.join('---\n'));
}

/** Fails while one of these tenants is there. */
function failingOn(names: ReadonlySet<string>): (snapshot: Snapshot) => readonly string[] {
  return (snapshot) => {
    const present = snapshot.tenants.map(({ metadata }) => metadata.name);
    const bad = present.find((name) => names.has(name));
    if (bad !== undefined) throw new Error(`no idea of ${bad}`);
    return [...present, ...snapshot.problems.map(({ message }) => message)];
  };
}

describe('an object on which the translation fails', () => {
  it('is left out and told about, and all others work', () => {
    const done = new Containment().run(tenants(40), failingOn(new Set(['t7', 't31'])));
    assert.equal(done.length, 40);
    assert.equal(done.includes('t7') || done.includes('t31'), false);
    assert.deepEqual(done.slice(38).toSorted(), [
      'the operator failed on Tenant t31 and goes on without it: no idea of t31; please report it with the object',
      'the operator failed on Tenant t7 and goes on without it: no idea of t7; please report it with the object',
    ]);
  });

  it('is refused, so that whoever names it hears so', () => {
    const { refused } = new Containment().run(tenants(3), (snapshot) => {
      failingOn(new Set(['t1']))(snapshot);
      return snapshot;
    });
    assert.deepEqual(refused, [{ kind: 'Tenant', name: 't1' }]);
  });

  it('is remembered until it changes', () => {
    const containment = new Containment();
    const snapshot = tenants(64);
    let runs = 0;
    const counted = (one: Snapshot) => {
      runs += 1;
      return failingOn(new Set(['t9']))(one);
    };
    containment.run(snapshot, counted);
    runs = 0;
    containment.run({ ...snapshot }, counted);
    assert.equal(runs, 1);
    const changed = { ...snapshot, tenants: snapshot.tenants.map((tenant) => ({ ...tenant })) };
    assert.equal(containment.run(changed, failingOn(new Set())).includes('t9'), true);
  });

  it('is not looked for where no object is to blame', () => {
    const broken = (): never => {
      throw new Error('nothing works');
    };
    assert.throws(() => new Containment().run(tenants(3), broken), /nothing works/);
  });
});
