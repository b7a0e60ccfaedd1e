import assert from 'node:assert/strict';
import { type Clock, silentLogger, systemClock } from '@quiver/operator';
import { pathOf, Reflector, resourceTypes, type StoredObject } from '@quiver/operator/kubernetes';
import { eventually, now, before as within } from '../harness/eventually.ts';
import { hurriedClock, ServerUnderTest } from './server-under-test.ts';

const tenants = resourceTypes.tenant;

function tenantOf(name: string, third: number): object {
  const spec = { members: [{ cidrs: [`10.1.${third}.0/24`] }] };
  return { apiVersion: 'quiver.dev/v1alpha1', kind: 'Tenant', metadata: { name }, spec };
}

function told(object: StoredObject): string {
  return `${object.metadata.uid} ${JSON.stringify(object['spec'])}`;
}

/** A reflector, and what somebody knows who hears of its changes alone. */
class Observed {
  readonly heard = new Map<string, string>();
  readonly failures: string[] = [];
  readonly reflector: Reflector<string>;

  constructor(client: ConstructorParameters<typeof Reflector<string>>[0]['client'], clock: Clock) {
    this.reflector = new Reflector({
      client,
      clock,
      type: tenants,
      project: told,
      random: () => 0.5,
      logger: silentLogger(),
      observer: {
        event: () => undefined,
        relisted: () => undefined,
        failed: (_type, { kind }) => this.failures.push(kind),
      },
    });
    this.reflector.store.onChange(({ type, entry }) => {
      if (type === 'Deleted') this.heard.delete(entry.key);
      else this.heard.set(entry.key, entry.value);
    });
    this.reflector.start();
  }
}

describe('reflector against a real API server', () => {
  let subject: ServerUnderTest;
  let observed: Observed | undefined;

  before(async function () {
    this.timeout(1_200_000);
    subject = await ServerUnderTest.start();
    await subject.installDefinitions();
  });

  afterEach(async () => {
    subject.proxy.wake();
    subject.server.resume();
    await observed?.reflector.stop();
  });

  after(() => subject?.close());

  async function observe(clock: Clock = systemClock()): Promise<Observed> {
    const one = new Observed(await subject.client(clock), clock);
    observed = one;
    await eventually('everything is read', () => one.reflector.state.isCurrent, { within: 60_000 });
    return one;
  }

  /** Changes, makes and deletes objects until it is told to end; gives the number of writes. */
  function writing(): () => Promise<number> {
    const over = new AbortController();
    const write = async (): Promise<number> => {
      let count = 0;
      for (; !over.signal.aborted; count += 1) {
        const name = `t${count % 37}`;
        const path = pathOf(tenants, { name });
        if (count % 5 === 4) await subject.write('DELETE', path, {});
        else {
          const query = '?fieldManager=test&force=true';
          const object = JSON.stringify(tenantOf(name, count % 250));
          await subject.write('PATCH', `${path}${query}`, object, 'application/apply-patch+yaml');
        }
      }
      return count;
    };
    const done = write();
    return () => {
      over.abort();
      return within('the last write ends', 90_000, done);
    };
  }

  async function becomesEqual(one: Observed): Promise<number> {
    const began = now();
    await eventually(
      'the store is as the server',
      async () => {
        const all = await subject.all(tenants);
        const wanted = all.map((object) => `${object.metadata.name} ${told(object)}`).toSorted();
        const stored = [...one.reflector.store.entries()].map(({ key, value }) => `${key} ${value}`).toSorted();
        assert.deepEqual(stored, wanted);
        const heard = [...one.heard].map(([key, value]) => `${key} ${value}`).toSorted();
        assert.deepEqual(heard, wanted);
        return true;
      },
      { within: 45_000 },
    );
    return Math.round(now() - began);
  }

  for (const [signal, rounds] of [
    ['SIGKILL', 3],
    // It ends its watches only after a minute.
    ['SIGTERM', 1],
  ] as const) {
    it(`loses nothing when the server is ended by ${signal} and started again`, async () => {
      const one = await observe();
      const end = writing();
      const times: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const { relists } = one.reflector.state;
        await subject.server.stop(signal);
        await subject.server.restart();
        const began = now();
        await eventually('everything was read again', () => one.reflector.state.relists > relists, { within: 60_000 });
        times.push(Math.round(now() - began));
      }
      const writes = await end();
      await becomesEqual(one);
      console.log(`      read again ${times.join(', ')} ms after the server was ready; ${writes} writes`);
      assert.ok(one.failures.length > 0);
    }).timeout(300_000);
  }

  it('loses nothing when the server stands still', async () => {
    const clock = hurriedClock(10);
    const one = await observe(clock);
    const end = writing();
    subject.server.pause();
    await eventually('it is noticed', () => one.failures.includes('TimedOut'), { within: 30_000 });
    subject.server.resume();
    await end();
    console.log(`      equal ${await becomesEqual(one)} ms after the last write`);
  }).timeout(120_000);

  it('loses nothing when connections are cut again and again', async () => {
    const one = await observe();
    const end = writing();
    for (let round = 0; round < 12; round += 1) {
      await eventually('it watches', () => one.reflector.state.isCurrent, { within: 30_000, every: 5 });
      subject.proxy.cut();
      await eventually('it is noticed', () => one.failures.length > round, { within: 30_000, every: 5 });
    }
    await end();
    console.log(`      equal ${await becomesEqual(one)} ms after the last write`);
  }).timeout(180_000);

  it('loses nothing when connections fall silent', async () => {
    // 150 s of silence pass in 7.5 s.
    const clock = hurriedClock(20);
    const one = await observe(clock);
    subject.proxy.silence();
    const began = now();
    const end = writing();
    await eventually('it is noticed', () => one.failures.includes('TimedOut'), { within: 30_000 });
    const noticed = Math.round((now() - began) * 20);
    subject.proxy.wake();
    await end();
    await becomesEqual(one);
    console.log(`      noticed after ${Math.round(noticed / 1000)} s`);
    assert.ok(noticed >= 150_000 && noticed < 400_000, `${noticed} ms`);
  }).timeout(120_000);
});
