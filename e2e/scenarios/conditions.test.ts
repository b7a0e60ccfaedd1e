import assert from 'node:assert/strict';
import { scenarioTime } from './support/fabric.ts';
import { coreService, type Manifest, route, service, tenant } from './support/objects.ts';
import { Shop } from './support/shop.ts';

/** Milliseconds within which an object says that it cannot work. */
const TOLD_WITHIN = 5000;
const NAMESPACE = 'conditions';
const tcp = [{ protocol: 'TCP', port: 80 }] as const;

interface Broken {
  readonly what: string;
  /** Applied first; nothing is wrong with them. */
  readonly beside?: readonly Manifest[];
  readonly object: Manifest;
  readonly condition: string;
  readonly reason: string;
  /** What the message has to name. */
  readonly names: RegExp;
}

const fixed = (name: string, address: string): Manifest =>
  service(NAMESPACE, name, { ports: tcp, tenants: [`buyers-${NAMESPACE}`], spec: { addresses: [address] } });

const cases: readonly Broken[] = [
  {
    what: 'a service for a tenant that is not there',
    object: service(NAMESPACE, 'lonely', { ports: tcp, tenants: ['nobody'] }),
    condition: 'ResolvedRefs',
    reason: 'UnknownTenant',
    names: /nobody/,
  },
  {
    what: 'a route of a service that is not there',
    object: route(NAMESPACE, 'nowhere', { peers: [{ name: 'beta' }] }),
    condition: 'ResolvedRefs',
    reason: 'UnknownService',
    names: /nowhere/,
  },
  {
    what: 'a route over a peer that is not there',
    object: route(NAMESPACE, 'web', { peers: [{ name: 'omega' }] }),
    condition: 'ResolvedRefs',
    reason: 'UnknownPeer',
    names: /omega/,
  },
  {
    what: 'a route to a core Service that is not there',
    object: route(NAMESPACE, 'web', { endpoints: { service: 'missing', port: 80 } }),
    condition: 'ResolvedRefs',
    reason: 'UnknownCoreService',
    names: /missing/,
  },
  {
    what: 'a route to a port that the core Service does not have',
    beside: [coreService(NAMESPACE, 'backend', 'nobody', [{ name: 'web', port: 8080 }])],
    object: route(NAMESPACE, 'web', { endpoints: { service: 'backend', port: 'admin' } }),
    condition: 'ResolvedRefs',
    reason: 'UnknownPort',
    names: /admin/,
  },
  {
    what: 'two services at one address',
    beside: [fixed('first', '198.18.250.1/32')],
    object: fixed('second', '198.18.250.1/32'),
    condition: 'Accepted',
    reason: 'DuplicateAddress',
    names: /conditions\/first/,
  },
  {
    what: 'a service at an address of pods',
    object: fixed('pods-own', '10.244.0.77/32'),
    condition: 'Accepted',
    reason: 'AddressReserved',
    names: /10\.244\.0/,
  },
  {
    what: 'a service whose name a core Service has',
    beside: [coreService(NAMESPACE, 'taken', 'nobody', [{ name: 'web', port: 80 }])],
    object: service(NAMESPACE, 'taken', { ports: tcp, tenants: [`buyers-${NAMESPACE}`] }),
    condition: 'DNSPublished',
    reason: 'NameTaken',
    names: /taken/,
  },
];

describe('an object that cannot work', function () {
  this.timeout(scenarioTime);
  let shop: Shop;
  let client: string;

  before(async () => {
    shop = await Shop.open({ name: NAMESPACE });
    client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha1' });
  });
  after(() => shop?.close());

  for (const { what, beside = [], object, condition, reason, names } of cases) {
    it(`says why: ${what}`, async () => {
      const { alpha } = shop.fabric;
      if (beside.length > 0) await alpha.apply(...beside);
      await alpha.apply(object);
      const told = await alpha.condition(object, condition, { status: 'False', reason }, TOLD_WITHIN);
      assert.match(told.message, names);
      if (condition !== 'DNSPublished') {
        const ready = await alpha.condition(object, 'Ready', { status: 'False' }, TOLD_WITHIN);
        assert.notEqual(ready.message, '');
      }
      await restore([...beside, object]);
    });
  }

  /** What was there before is put back, what was not goes. */
  async function restore(objects: readonly Manifest[]): Promise<void> {
    const { alpha } = shop.fabric;
    const own = [...shop.services, ...shop.routes.alpha];
    const same = (one: Manifest, other: Manifest): boolean =>
      one.kind === other.kind && one.metadata.name === other.metadata.name;
    const gone = objects.filter((object) => !own.some((one) => same(one, object)));
    await alpha.remove(...gone, ...objects.filter((object) => own.some((one) => same(one, object))));
    await alpha.apply(...own);
    await alpha.ready(own);
  }

  it('is ready as soon as what it names is there', async () => {
    const { alpha } = shop.fabric;
    const early = service(NAMESPACE, 'early', { ports: tcp, tenants: ['late'] });
    const peers = route(NAMESPACE, 'early', { peers: [{ name: 'beta' }] });
    await alpha.apply(early, peers);
    await alpha.condition(early, 'ResolvedRefs', { status: 'False', reason: 'UnknownTenant' }, TOLD_WITHIN);
    await alpha.apply(tenant('late', []));
    await alpha.ready([early, peers], 'Ready', 10_000);
    await alpha.remove(early, peers, tenant('late', []));
  });

  it('is refused with a sentence when one look is enough', async () => {
    const { alpha } = shop.fabric;
    const wrong = service(NAMESPACE, 'wrong', { ports: [{ protocol: 'UDP', port: 20000, endPort: 10000 }] });
    await assert.rejects(alpha.apply(wrong), /endPort/);
  });

  it('disturbs nobody else', async () => {
    const { alpha } = shop.fabric;
    const version = async (): Promise<string> => {
      const read = await alpha.read<{ readonly metadata: { readonly resourceVersion: string } }>(shop.web);
      return read.metadata.resourceVersion;
    };
    const before = await version();
    const lonely = service(NAMESPACE, 'lonely', { ports: tcp, tenants: ['nobody'] });
    await alpha.apply(lonely);
    await alpha.condition(lonely, 'ResolvedRefs', { status: 'False' }, TOLD_WITHIN);
    const answer = await shop.fetch(client);
    assert.equal(answer.code, 0, answer.error);
    await alpha.remove(lonely);
    assert.equal(await version(), before, 'the status of another service was written');
  });

  it('is told by kubectl get in one line', async () => {
    const { alpha } = shop.fabric;
    const lonely = service(NAMESPACE, 'lonely', { ports: tcp, tenants: ['nobody'] });
    await alpha.apply(lonely);
    await alpha.condition(lonely, 'Ready', { status: 'False' }, TOLD_WITHIN);
    const table = await alpha.kubectl(lonely, 'get', 'qsvc');
    const [head = '', ...rows] = table.trimEnd().split('\n');
    assert.match(head, /^NAME +ADDRESS +.*READY +.*REASON +.*AGE$/);
    assert.match(rows.find((row) => row.startsWith('lonely ')) ?? '', / False +.*UnknownTenant/);
    assert.match(rows.find((row) => row.startsWith('web ')) ?? '', / 198\.18\.\d+\.\d+.* True /);
    await alpha.remove(lonely);
  });
});
