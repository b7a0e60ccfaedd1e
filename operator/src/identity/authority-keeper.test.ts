import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type LogFields, silentLogger } from '../logger.ts';
import { Eventually } from '../testing/eventually.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { MemoryAuthorityStore } from '../testing/memory-authority-store.ts';
import { Authority } from './authority.ts';
import { AuthorityKeeper } from './authority-keeper.ts';
import { MemoryCertificates } from './certificate-provider.ts';

interface Replica {
  readonly keeper: AuthorityKeeper;
  readonly own: Eventually<string>;
  readonly trusted: Eventually<string>;
}

describe('keeping the authority', () => {
  let clock: FakeClock;
  let store: MemoryAuthorityStore;
  let replicas: Replica[];
  let errors: Eventually<string>;

  beforeEach(() => {
    clock = new FakeClock();
    store = new MemoryAuthorityStore();
    replicas = [];
    errors = new Eventually();
  });

  afterEach(() => {
    for (const { keeper } of replicas) keeper.stop();
  });

  function replica(): Replica {
    const certificates = new MemoryCertificates();
    const [own, trusted] = [new Eventually<string>(), new Eventually<string>()];
    certificates.addIdentityCertificateListener((update) => own.push(update?.certificate.toString() ?? ''));
    certificates.addCaCertificateListener((update) => trusted.push(update?.caCertificate.toString() ?? ''));
    const logger = {
      ...silentLogger(),
      error: (_: string, fields?: LogFields) => errors.push(String(fields?.['reason'])),
    };
    const names = { name: 'quiver', dnsNames: ['quiver-operator'] };
    const keeper = new AuthorityKeeper({ store, certificates, ...names, clock, logger });
    const made = { keeper, own, trusted };
    replicas.push(made);
    return made;
  }

  it('makes one authority however many operators begin at the same time', async () => {
    const [one, other] = [replica(), replica()];
    await Promise.all([one.keeper.start(), other.keeper.start()]);
    assert.equal(one.keeper.authority?.bundle, other.keeper.authority?.bundle);
    assert.equal(store.stored?.version, '2');
    assert.deepEqual(store.published, [one.keeper.authority?.bundle]);
    assert.equal(one.own.seen.length, 1);
  });

  it('keeps what is there', async () => {
    store.put(await Authority.create('quiver', clock.now()));
    const before = store.stored;
    await replica().keeper.start();
    assert.equal(store.stored, before);
    assert.deepEqual(store.published, [before?.certificate]);
  });

  it('exchanges the authority without a restart, and trusts both meanwhile', async () => {
    const { keeper, own, trusted } = replica();
    await keeper.start();
    const old = store.stored;
    assert.ok(old !== undefined);
    const young = await Authority.create('quiver', clock.now());
    store.put({ certificate: `${old.certificate}${young.certificate}`, key: young.key });
    clock.advance(60_000);
    await trusted.first((bundle) => bundle.includes(young.certificate) && bundle.includes(old.certificate));
    const issued = own.seen.at(-1) ?? '';
    assert.equal(new X509Certificate(issued).verify(new X509Certificate(young.certificate).publicKey), true);
    assert.equal(store.published.length, 2);
  });

  it('has a new certificate of its own when two thirds of the old one are over', async () => {
    const { keeper, own } = replica();
    await keeper.start();
    const [first = ''] = own.seen;
    const life = Date.parse(new X509Certificate(first).validTo) - clock.now();
    clock.advance(life * 0.6);
    assert.equal(own.seen.length, 1);
    clock.advance(life * 0.1);
    await own.first((certificate) => certificate !== first);
  });

  it('goes on with the former authority when the stored one is broken or cannot be read', async () => {
    const { keeper } = replica();
    await keeper.start();
    const before = keeper.authority;
    store.put({ certificate: 'broken', key: 'broken' });
    clock.advance(60_000);
    await errors.first((reason) => reason.includes('there is no certificate'));
    store.failure = new Error('no answer');
    clock.advance(60_000);
    await errors.first((reason) => reason.includes('no answer'));
    store.failure = undefined;
    store.put({ certificate: '', key: '' });
    clock.advance(60_000);
    await errors.first((reason) => reason.includes('was emptied'));
    assert.equal(keeper.authority, before);
  });

  it('does not begin without a place for it', async () => {
    store.stored = undefined;
    await assert.rejects(replica().keeper.start(), /install the chart again/);
  });
});
