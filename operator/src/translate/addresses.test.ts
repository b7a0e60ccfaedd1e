import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SvrService } from '../api/generated/service.gen.ts';
import { sortedBy } from '../ir/canonical.ts';
import { formatPrefix } from '../ir/prefix.ts';
import { exampleSnapshot } from '../testing/example.ts';
import { assignAddresses } from './addresses.ts';

const { router, services } = exampleSnapshot();
const [example] = services;
assert.ok(example !== undefined);

function named(name: string, creationTimestamp?: string): SvrService {
  const metadata = { ...example?.metadata, name, namespace: 'prod' };
  return {
    ...example,
    metadata: creationTimestamp === undefined ? metadata : { ...metadata, creationTimestamp },
  } as SvrService;
}

function addressesOf(
  all: readonly SvrService[],
  servicePool: string[] = router.servicePool,
): ReadonlyMap<string, string> {
  const { value } = assignAddresses(all, { ...router, servicePool }, []);
  return new Map([...value].map(([name, prefixes]) => [name, prefixes.map(formatPrefix).join(' ')]));
}

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 40 });

describe('addresses of services', () => {
  it('are unique and the same whatever the order of the services', () => {
    fc.assert(
      fc.property(names, (some) => {
        const forward = addressesOf(some.map((name) => named(name)));
        const backward = addressesOf(some.toReversed().map((name) => named(name)));
        assert.deepEqual(sortedBy(forward, String), sortedBy(backward, String));
        assert.equal(new Set(forward.values()).size, some.length);
      }),
    );
  });

  it('stay when services without a claim to the same address come and go', () => {
    const few = addressesOf([named('a'), named('b')]);
    const many = addressesOf(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => named(name)));
    assert.equal(many.get('prod/a'), few.get('prod/a'));
    assert.equal(many.get('prod/b'), few.get('prod/b'));
  });

  it('stay with the older service when two want the same', () => {
    const pool = ['198.18.0.0/29'];
    const old = named('z', '2026-01-01T00:00:00Z');
    const alone = addressesOf([old], pool).get('prod/z');
    const young = ['a', 'b', 'c', 'd', 'e'].map((name) => named(name, '2026-02-01T00:00:00Z'));
    const all = addressesOf([...young, old], pool);
    assert.equal(all.get('prod/z'), alone);
    assert.equal(new Set(all.values()).size, 6);
  });

  it('are of each family that the pool has', () => {
    assert.equal(
      addressesOf([named('a')], ['198.18.0.0/16'])
        .get('prod/a')
        ?.includes(':'),
      false,
    );
    assert.equal(
      addressesOf([named('a')])
        .get('prod/a')
        ?.split(' ').length,
      2,
    );
  });

  it('are refused when the pool has no room at all', () => {
    const { problems } = assignAddresses([named('a')], { ...router, servicePool: ['198.18.0.0/31'] }, []);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['PoolExhausted'],
    );
  });

  it('that services hold stay, whoever is senior, and each is held once', () => {
    const held = fc.dictionary(fc.constantFrom('prod/a', 'prod/b', 'prod/c', 'prod/d'), fc.integer({ min: 0, max: 7 }));
    fc.assert(
      fc.property(names, held, (some, places) => {
        const all = [...new Set(['a', 'b', 'c', 'd', ...some])].map((name) => named(name));
        const wanted = new Map(Object.entries(places).map(([name, last]) => [name, [`198.18.0.${last}/32`]]));
        const pool = { servicePool: ['198.18.0.0/29'], held: wanted };
        const { value } = assignAddresses(all, pool, []);
        const given = [...value].flatMap(([, prefixes]) => prefixes.map(formatPrefix));
        assert.equal(new Set(given).size, given.length);
        for (const [name, [address = '']] of wanted) {
          const rivals = [...wanted].filter(([, [other]]) => other === address);
          const first = rivals.map(([rival]) => rival).sort()[0];
          const isUsable = !['198.18.0.0/32', '198.18.0.7/32'].includes(address);
          if (first === name && isUsable) assert.deepEqual(value.get(name)?.map(formatPrefix), [address]);
        }
        const backward = assignAddresses(all.toReversed(), pool, []);
        assert.deepEqual(
          sortedBy(backward.value, ([name]) => name),
          sortedBy(value, ([name]) => name),
        );
      }),
    );
  });

  it('that are held outside of the pool, or that a service fixes, are given anew', () => {
    const fixed = { ...named('z'), spec: { ...named('z').spec, addresses: ['198.18.0.3/32'] } };
    const held = new Map([
      ['prod/a', ['10.0.0.9', 'none']],
      ['prod/b', ['198.18.0.3']],
    ]);
    const pool = { servicePool: ['198.18.0.0/29'], held };
    const { value, problems } = assignAddresses([named('a'), named('b'), fixed], pool, []);
    assert.deepEqual(problems, []);
    const given = ['prod/a', 'prod/b'].map((name) => value.get(name)?.map(formatPrefix).join(' ') ?? '');
    for (const address of given) assert.match(address, /^198\.18\.0\.[12456]\/32$/);
  });
});
